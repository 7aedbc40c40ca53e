"""Sweeps: the same accounts learned under varied options, to see which predict them best."""
