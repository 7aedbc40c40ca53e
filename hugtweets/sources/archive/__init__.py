"""X's account export as a source.

``source`` and ``reading`` read it; ``names``, ``files``, ``scripts`` and ``manifest`` find and open its files;
``accounts``, ``posts``, ``grailbird`` and ``notes`` are what stands in them; ``records`` counts what cannot be used.
"""
