"""X's account export as a source: ``source`` reads it, ``files`` opens it, ``posts`` and ``notes`` are its parts."""
