"""hugtweets learns how an X account writes and writes new posts in that voice."""

__version__ = "0.1.0"
