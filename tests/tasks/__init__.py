"""The third floor: steps as Prefect tasks."""
