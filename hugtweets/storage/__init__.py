"""Where everything is kept.

Begin with :mod:`~hugtweets.storage.home` (which folder holds what) and :mod:`~hugtweets.storage.artifacts` (what a step
leaves). :mod:`~hugtweets.storage.remote` is the store that several machines share, :mod:`~hugtweets.storage.atomic` how
files and folders are written, :mod:`~hugtweets.storage.handles` which names may become part of a path.
"""
