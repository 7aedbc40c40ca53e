"""``python -m hugtweets.cli`` is the ``hugtweets`` program."""

from hugtweets.cli.app import main

main()
