"""Why people's losses differ: what accounts are like, beside how well they are predicted."""
