"""Which messages the pages use, read from their code.

Belongs here: finding calls of a translator. Does not belong here: translations.
Babel's own extractor does not see calls inside f-strings before Python 3.12; the syntax tree does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path


def _is_translator(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id == "_"
    called = function.func if isinstance(function, ast.Call) else None
    return isinstance(called, ast.Name) and called.id == "translator"


def _messages(call: ast.Call) -> Iterator[ast.expr]:
    if _is_translator(call.func):
        yield call.args[0]
    elif (
        isinstance(call.func, ast.Attribute)
        and call.func.attr == "plural"
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "_"
    ):
        yield from call.args[:2]


def used_messages(files: Iterable[Path]) -> set[str]:
    """Every message in the files.

    Raises:
        ValueError: A message is not a plain text, so no catalogue could hold it.
    """
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            for message in _messages(node):
                if not (isinstance(message, ast.Constant) and isinstance(message.value, str)):
                    raise ValueError(f"{file.name}:{message.lineno}: message is not a plain text")
                found.add(message.value)
    return found
