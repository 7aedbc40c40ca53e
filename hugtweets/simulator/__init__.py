"""A local stand-in for X API v2: timelines from JSON lines, answered as X answers, faults included."""
