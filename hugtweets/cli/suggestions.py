"""What a person may have meant: the nearest command, option, value or account, in the one sentence of an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from hugtweets.errors import ConfigurationError, NothingKept, nearest
from hugtweets.storage.home import Home


class Program(TyperGroup):
    """The commands of the program; one that does not exist is refused with the nearest that does."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name.

        Raises:
            ConfigurationError: there is none.
        """
        if cmd_name not in self.commands:
            meant = _meant(cmd_name, self.commands, "see `hugtweets --help`")
            raise ConfigurationError(f"there is no command {cmd_name}: {meant}")
        return super().get_command(ctx, cmd_name)


def explain(error: typer.TyperException) -> str:
    """What is wrong with arguments that typer cannot read."""
    facts = vars(error)
    # Not every error knows in which command it happened.
    command = facts["ctx"].command_path if facts.get("ctx") else "hugtweets COMMAND"
    manual = f"see `{command} --help`"
    if "possibilities" in facts:
        unknown = facts["option_name"]
        return f"there is no option {unknown}: {_meant(unknown, facts['possibilities'] or (), manual)}"
    message = error.format_message().removesuffix(".")
    return f"{message[:1].lower()}{message[1:]}: {manual}"


def one_of(kind: str, values: Sequence[str]) -> Callable[[str], str]:
    """The parser of an option that takes one of a few words, such as the name of a step."""

    def read(word: str) -> str:
        if word not in values:
            raise ConfigurationError(f"there is no {kind} {word}: {_meant(word, values, 'write ' + ', '.join(values))}")
        return word

    return read


def known_name(home: Home, handle: str) -> str:
    """An account, a mix or a blend as the home spells it.

    A name that is unlike all others in the home is returned as it is; the caller says how to make what is missing.

    Raises:
        InvalidHandle: it cannot be the name of an account, a mix or a blend.
        NothingKept: the home has nothing of it, but something of a name that is nearly the same.
    """
    name, known = home.spelling(handle), home.known_names()
    if name not in known and (meant := nearest(name, known)):
        raise NothingKept(f"nothing is kept of {name} in {home.root}: did you mean {meant}?")
    return name


def _meant(word: str, known: Iterable[str], otherwise: str) -> str:
    meant = nearest(word, known)
    return f"did you mean {meant}?" if meant else otherwise
