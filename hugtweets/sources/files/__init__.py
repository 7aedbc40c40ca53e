"""A file of posts as a source: JSON, CSV or Parquet, in the columns of whichever tool wrote it (``dialects``)."""
