"""``play``: a page to play with the models."""

from __future__ import annotations

import webbrowser
from contextlib import ExitStack
from typing import Annotated

import typer

from hugtweets.cli.output import progress_shown
from hugtweets.config import Config
from hugtweets.storage.home import Home


def play(
    home: Home,
    options: Config,
    verbose: bool,
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 8766,
    host: Annotated[
        str, typer.Option(help="Address to serve: 0.0.0.0 lets phones in, with a token.", metavar="ADDRESS")
    ] = "127.0.0.1",
    open_page: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Play with the models in a browser.

    Write posts side by side, guess which one is real, keep favourites. Below /v1 any client of OpenAI's completions can
    use the models.

    For example: hugtweets play --open
    """
    from hugtweets.play.server import serve

    progress = ExitStack()

    def ready(url: str) -> None:
        progress.close()
        address = url.partition("#")[0]
        programs = f"for programs: {address}docs; for clients of OpenAI's completions: {address}v1"
        typer.echo(f"The models are loaded; play at {url} ({programs}). Ctrl-C ends it.")
        if open_page:
            webbrowser.open(url)

    with progress:
        progress.enter_context(progress_shown(verbose))
        serve(home, options, host, port, ready)
