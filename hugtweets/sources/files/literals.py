"""Lists and objects that somebody wrote into one cell: as JSON, or as Python prints them."""

from __future__ import annotations

import ast
import json

LONGEST = 200_000  # characters; a post mentions a few people


def structured(value: object) -> object:
    """What a cell holds: the list or object that its text spells, else the value itself.

    An object that Python prints by its class, such as ``User(username='ada', id=7)``, is what stands in brackets.
    """
    if not isinstance(value, str) or len(value) > LONGEST or not value.rstrip().endswith(("]", "}", ")")):
        return value
    for parse in (json.loads, _parse_python):
        try:
            return parse(value)
        # Nested too deeply, or a number too long, is not understood either.
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return value


def _parse_python(text: str) -> object:
    parsed = _plain(ast.parse(text.strip(), mode="eval").body)
    if not isinstance(parsed, list | dict):
        raise ValueError("neither a list nor an object")
    return parsed


def _plain(node: ast.expr) -> object:
    """The value of a literal; None for what only running the text could tell, which is never done."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [_plain(element) for element in node.elts]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {key.value: _plain(value) for key, value in pairs if isinstance(key, ast.Constant)}
    if isinstance(node, ast.Call):
        return {keyword.arg: _plain(keyword.value) for keyword in node.keywords if keyword.arg}
    return None
