"""The ``hugtweets`` program: its commands, and what becomes of an error."""

from __future__ import annotations

import sys
import traceback

import typer

from hugtweets.cli import (
    analyse,
    doctor,
    export,
    forget,
    play,
    pretrain,
    promote,
    push,
    report,
    runs,
    sample,
    serve,
    setup,
    show,
    simulate,
    sweep,
)
from hugtweets.cli.settings import settings
from hugtweets.errors import HugtweetsError, RequestError

app = typer.Typer(
    name="hugtweets",
    help="Learn how an X account writes and write new posts in that voice.\n\nStart with: hugtweets demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.callback()(settings)
app.command("demo")(runs.demo)
app.command("run")(runs.run)
app.command("refresh")(runs.refresh)
app.command("pretrain")(pretrain.pretrain)
app.command("setup")(setup.setup)
app.command("serve")(serve.serve)
app.command("sample")(sample.sample)
app.command("sweep")(sweep.sweep)
app.command("analyse")(analyse.analyse)
app.command("show")(show.show)
app.command("export")(export.export)
app.command("push")(push.push)
app.command("play")(play.play)
app.command("promote")(promote.promote)
app.command("report")(report.report)
app.command("simulate-x")(simulate.simulate_x)
app.command("doctor")(doctor.doctor)
app.command("forget")(forget.forget)


def main() -> None:
    """Run the program: exit code 0 all well, 1 an account failed, 2 the request makes no sense."""
    try:
        app()
    except HugtweetsError as error:
        _fail(str(error), 2 if isinstance(error, RequestError) else 1)
    except KeyboardInterrupt:
        _fail("stopped; the same command again goes on where this one was", 130)
    except Exception as error:  # the last line of defence: a person reads one sentence, not a traceback
        _fail(f"unforeseen {type(error).__name__}: {error}; run it again with -v to see where", 1)


def _fail(sentence: str, code: int) -> None:
    if "-v" in sys.argv or "--verbose" in sys.argv:
        traceback.print_exc()
    typer.echo(f"hugtweets: {sentence}", err=True)
    sys.exit(code)
