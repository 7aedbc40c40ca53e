"""Posts from a JSONL, CSV or Parquet file."""
