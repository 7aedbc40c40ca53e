"""X's account export as a source.

``source`` and ``reading`` read it; ``names``, ``files``, ``scripts`` and ``manifest`` find and open its files;
``posts``, ``grailbird`` and ``notes`` are what stands in them, and ``records`` counts what cannot be used.
"""
