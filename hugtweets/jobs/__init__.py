"""What a run is about and what comes of it: accounts, jobs, outcomes, and forgetting."""
