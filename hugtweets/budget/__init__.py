"""What reading X costs: ``ledger`` records what was spent, ``limits`` checks a budget before anything is bought."""
