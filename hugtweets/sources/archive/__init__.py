"""Posts from the export that X gives an account's owner."""
