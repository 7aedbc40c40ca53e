"""What is needed of wandb beyond its public interface is still there, and needed in one module only."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import hugtweets.tracking
from hugtweets.tracking.internals import parse_record, trouble

MODULES = sorted(Path(hugtweets.tracking.__file__).parent.glob("*.py"))
OWNERS = {"run", "artifact", "draft", "api", "output", "wandb"}


def private_uses(path: Path) -> list[str]:
    """Imports from below wandb's own face, and its underscored names."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("wandb."):
            found += [node.module] if node.module != "wandb.errors" else []
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and isinstance(node.value, ast.Name):
            found += [f"{node.value.id}.{node.attr}"] if node.value.id in OWNERS else []
    return found


def test_one_module_alone_leans_on_what_wandb_keeps_to_itself() -> None:
    leaning = {path.stem: private_uses(path) for path in MODULES}
    assert [name for name, uses in leaning.items() if uses] == ["internals"]
    assert "run._log_artifact" in leaning["internals"]


def test_the_private_functions_still_take_what_they_are_given() -> None:
    from wandb.sdk.lib.wbauth import authenticate_session
    from wandb.sdk.wandb_run import Run

    logging, session = (
        inspect.signature(function).parameters for function in (Run._log_artifact, authenticate_session)
    )
    assert {"aliases", "is_user_created", "use_after_commit"} <= set(logging)
    assert {"host", "source", "prompt", "update_session"} <= set(session)


def test_an_error_of_a_programmer_is_no_trouble_of_wandb() -> None:
    from wandb.errors import CommError

    assert issubclass(CommError, trouble())
    assert not issubclass(ValueError, trouble())
    assert not issubclass(TypeError, trouble())


def test_records_tell_how_a_run_ended() -> None:
    assert not parse_record(b"").HasField("exit")
