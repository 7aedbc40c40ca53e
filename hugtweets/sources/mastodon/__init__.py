"""Mastodon: ``source`` reads an account, ``answers`` are the forms of what is sent, ``markup`` the text in its HTML.

Only this package imports ``mastodon``.
"""
