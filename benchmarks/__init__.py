"""What was measured, and how; the results are in ``LOG.md``."""
