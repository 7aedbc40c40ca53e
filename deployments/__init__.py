"""When the flows run."""
