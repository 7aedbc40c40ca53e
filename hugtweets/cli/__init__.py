"""The command line. It alone may import flows and deployments, and nothing imports it."""

from __future__ import annotations

from hugtweets.cli.app import main

__all__ = ["main"]
