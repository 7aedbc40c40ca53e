"""A file of posts as a source: JSON lines, CSV or Parquet."""
