"""Base models: finding, converting, loading and keeping them in memory, and their tokens."""
