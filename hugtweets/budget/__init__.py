"""What reading X costs: the ledger of what was spent, and the limits on it."""
