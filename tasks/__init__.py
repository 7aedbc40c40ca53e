"""One module a step: a Prefect decorator and one call into :mod:`hugtweets.steps`."""
