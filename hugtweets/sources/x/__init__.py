"""The X API v2: ``source`` downloads a timeline, ``users`` looks accounts up, ``verification`` finds deleted posts.

All of them ask through ``client``; ``answers`` are the forms of what X sends, ``refusals`` what it does not.
"""
