"""Bluesky: ``source`` reads an account, ``answers`` are the forms of what is sent, ``facets`` what is in a text.

Only this package imports ``atproto_client``.
"""
