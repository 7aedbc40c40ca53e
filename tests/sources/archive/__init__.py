"""The export of an account."""
