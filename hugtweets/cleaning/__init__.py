"""Cleaning: from what a source sent to the sentences somebody wrote.

The rules are written once, on Arrow string arrays: RE2 does the bulk of the work in linear time whatever the input,
Python only the rows with entities, mentions or hashtags.
"""
