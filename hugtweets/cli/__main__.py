"""``python -m hugtweets`` is the ``hugtweets`` program."""

from hugtweets.cli.app import main

main()
