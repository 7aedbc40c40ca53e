"""X's account export as a source: ``source`` reads it, ``files`` opens it, ``posts`` and ``notes`` are what it holds."""
