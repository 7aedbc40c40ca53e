"""Posts from the API of X."""
