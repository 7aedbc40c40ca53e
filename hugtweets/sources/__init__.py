"""Where posts come from: X, Bluesky, Mastodon, an account export (``archive``), or a file.

Each source is a package whose module ``source`` fulfils the protocol of :mod:`hugtweets.sources.source`. To add one,
write such a package, name it in ``SourceSpec``, and choose it in :mod:`hugtweets.steps.fetch`.
"""
