"""Cleaning: from what a source sent to the sentences somebody wrote.

The rules are written once, on Arrow string arrays: RE2 does the bulk of the work in linear time whatever the input,
Python only the rows with entities, mentions or hashtags.
"""

from hugtweets.cleaning.split import TRAIN, VALIDATION
from hugtweets.cleaning.table import CLEAN_SCHEMA, REASONS, clean_table, count

__all__ = ["CLEAN_SCHEMA", "REASONS", "TRAIN", "VALIDATION", "clean_table", "count"]
