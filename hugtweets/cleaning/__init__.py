"""Cleaning: from what a source sent to the sentences that somebody wrote.

``table`` cleans a whole timeline and says why a post is dropped. ``texts`` lists the rules on a text in their order;
each rule is in the module named after what it looks at (``links``, ``mentions``, ``hashtags``, ...). ``length`` counts
characters as X does. Rules work on Arrow string arrays, one text a post: RE2 does the bulk of the work, in linear time
whatever the input, and Python only the rows with entities, mentions or hashtags.
"""
