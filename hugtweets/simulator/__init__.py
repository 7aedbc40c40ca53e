"""Local servers that answer as X, Bluesky and Mastodon do from JSON lines, and fail as they do when told to.

``server`` runs them, ``app`` holds the endpoints of X, ``bluesky`` and ``mastodon`` those of the others, ``middleware``
what every request passes before; ``faults`` is what can be made to go wrong, ``manners`` how each network words it.
``queries`` and ``pages`` read a request to X, ``rendering`` and ``problems`` word the answer.
"""
