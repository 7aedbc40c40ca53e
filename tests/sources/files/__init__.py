"""Tests mirror the library: what it does, not how."""
