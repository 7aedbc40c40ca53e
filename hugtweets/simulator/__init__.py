"""A local X API v2: it serves timelines from JSON lines, answers as X does, and fails as X does when told to.

``server`` runs it, ``app`` holds its endpoints, ``middleware`` what every request passes before; ``faults`` is what can
be made to go wrong. ``queries`` and ``pages`` read a request, ``rendering`` and ``problems`` word the answer.
"""
