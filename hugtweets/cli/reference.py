"""The reference of the command line as Markdown, made from the program itself.

python -m hugtweets.cli.reference > docs/cli.md
"""

from __future__ import annotations

import json
from typing import Any

import typer.main

from hugtweets.cli.app import app
from hugtweets.config import Config

HEAD = """# The command line

Made from the program by `make docs`; a test compares the two. The options in the first table hold for every command
and may stand before its name or behind it.
"""

OPTIONS_HEAD = """
## Options for --set, --config and accounts files

`--set train.epochs=1` on the command line, `train: {epochs: 1}` in a YAML file.
"""


def reference() -> str:
    """Every command with its arguments and options."""
    program: Any = typer.main.get_command(app)
    sections = [HEAD, _table(program.params)]
    for name, command in program.commands.items():
        arguments = [_name(parameter) for parameter in command.params if parameter.param_type_name == "argument"]
        sections += [f"\n## {' '.join(['hugtweets', name, *arguments])}\n", f"{command.help}\n", _table(command.params)]
    return "\n".join([*sections, OPTIONS_HEAD, *(_options(name) for name in Config.model_fields)])


def _options(section: str) -> str:
    model = type(getattr(Config(), section))
    rows = [
        f"| `{section}.{name}` | `{json.dumps(getattr(model(), name), ensure_ascii=False)}` | {field.description} |"
        for name, field in model.model_fields.items()
    ]
    return "\n".join([f"### {section}", "", "| option | default | meaning |", "| --- | --- | --- |", *rows, ""])


def _table(parameters: list[Any]) -> str:
    rows = [f"| `{_name(parameter)}` | {_meaning(parameter)} |" for parameter in parameters]
    return "\n".join(["| option | meaning |", "| --- | --- |", *rows, ""])


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = parameter.metavar + ("..." if parameter.nargs == -1 else "")
        return name if parameter.required else f"[{name}]"
    return ", ".join(parameter.opts) + (f" {parameter.metavar or 'N'}" if not parameter.is_flag else "")


def _meaning(parameter: Any) -> str:
    shown = parameter.default not in (None, False, ()) and not parameter.required
    return f"{parameter.help or ''}{f' (default: {parameter.default})' if shown else ''}"


if __name__ == "__main__":
    typer.echo(reference(), nl=False)
