"""The ``hugtweets`` program: its commands, and what becomes of an error."""

from __future__ import annotations

import inspect
import re
import sys
import traceback
from contextlib import suppress

import typer

from hugtweets.cli.analyse import analyse
from hugtweets.cli.doctor import doctor
from hugtweets.cli.forget import forget
from hugtweets.cli.output import describe, printable
from hugtweets.cli.play import play
from hugtweets.cli.pretrain import pretrain
from hugtweets.cli.promote import promote
from hugtweets.cli.prune import prune
from hugtweets.cli.publish import export, push
from hugtweets.cli.report import report
from hugtweets.cli.retry import retry
from hugtweets.cli.runs import demo, refresh, run
from hugtweets.cli.sample import sample
from hugtweets.cli.serve import serve, setup
from hugtweets.cli.settings import settings, with_shared_options
from hugtweets.cli.show import show
from hugtweets.cli.simulate import simulate, simulate_x
from hugtweets.cli.status import status
from hugtweets.cli.stopping import ended_by_signals
from hugtweets.cli.streams import abandon_full_stdout, replace_unknown_characters
from hugtweets.cli.suggestions import Program, explain
from hugtweets.cli.sweep import sweep
from hugtweets.cli.sync import sync
from hugtweets.cli.terms import terms
from hugtweets.errors import HugtweetsError

PANELS = {
    "Learn": (demo, run, refresh, retry, pretrain, sweep, promote),
    "Look": (sample, play, show, status, report, analyse),
    "Share": (export, push),
    "Operate": (doctor, terms, setup, serve, prune, forget, sync, simulate, simulate_x),
}
STOPPED = 130

app = typer.Typer(
    cls=Program,
    callback=settings,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for panel, commands in PANELS.items():
    for command in commands:
        # Paragraphs are wrapped to the width of the terminal, not as they stand in the code.
        text = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.getdoc(command) or "")
        app.command(rich_help_panel=panel, help=text)(with_shared_options(command))


def main() -> None:
    """Run the program: exit code 0 all well, 1 an account failed, 2 the request makes no sense, 130 or 143 stopped."""
    replace_unknown_characters()
    try:
        with ended_by_signals(_say_stopped):
            code = app(prog_name="hugtweets", standalone_mode=False)
            if sys.stdout:
                sys.stdout.flush()
        # Typer catches a KeyboardInterrupt itself and returns its exit code.
        if code == STOPPED:
            raise KeyboardInterrupt
        sys.exit(code or 0)
    except HugtweetsError as error:
        _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        # Without arguments typer has shown the help, and says no more.
        _fail(explain(error), 2) if error.format_message() else sys.exit(2)
    except typer.Abort:
        _fail("nothing was done", 1)
    except KeyboardInterrupt:
        _say_stopped()
        sys.exit(STOPPED)
    except BrokenPipeError:  # whoever read has seen enough, as `head` does
        abandon_full_stdout()
        sys.exit(1)
    except OSError as error:
        abandon_full_stdout()
        _fail(describe(error), 1)
    except Exception as error:  # the last line of defence: a person reads one sentence, not a traceback
        _fail(f"unforeseen {type(error).__name__}: {error}; run it again with -v to see where", 1)


def _fail(sentence: str, code: int) -> None:
    if "-v" in sys.argv or "--verbose" in sys.argv:
        traceback.print_exc()
    _say(sentence)
    sys.exit(code)


def _say_stopped() -> None:
    _say("stopped; the same command again goes on where this one was")


def _say(sentence: str) -> None:
    # Where stderr takes nothing either, the exit code still tells.
    with suppress(OSError):
        typer.echo(f"hugtweets: {printable(sentence)}", err=True)
