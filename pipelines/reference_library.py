"""The reference page of a library of ours, from its own signatures and docstrings.

Belongs here: turning what ``anonymization`` or ``pipelines.epidemiology`` exports into Markdown.
Does not belong here: a word about it; what the page should say is said in the docstring.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from itertools import groupby
from types import ModuleType
from typing import Any, Final

_SECTIONS: Final = ("Args", "Attributes", "Returns", "Raises", "Yields")
_LISTED: Final = ("Args", "Attributes", "Raises")
_TO_AUTHORS: Final = ("Belongs here", "Does not belong here", "Here:")
_WIDTH: Final = 88
_LONG_DEFAULT: Final = 60


def library_page(package: ModuleType) -> str:
    """All functions and classes that a package exports, by the module they are from.

    Args:
        package: The package, with ``__all__``.

    Returns:
        Markdown, without the line that says it was made.
    """
    exported = ((name, getattr(package, name)) for name in package.__all__)
    found = sorted(
        (pair for pair in exported if inspect.isroutine(pair[1]) or inspect.isclass(pair[1])),
        key=lambda pair: (pair[1].__module__, pair[0].lower()),
    )
    parts = [f"# The library `{package.__name__}`\n", _marked(_described(package))]
    parts.append(f"Everything here is imported from `{package.__name__}` itself.\n")
    for module, members in groupby(found, key=lambda pair: pair[1].__module__):
        parts += [f"## {module}\n", _marked(_described(import_module(module)))]
        parts += [_member(name, thing) for name, thing in members]
    return "\n".join(parts).rstrip() + "\n"


def _described(module: ModuleType) -> str:
    """A module's docstring, without what it says to those who write code."""
    text = inspect.getdoc(module) or ""
    kept = [part for part in text.split("\n\n") if not part.startswith(_TO_AUTHORS)]
    return "\n\n".join(kept) + "\n"


def _member(name: str, thing: Any) -> str:  # noqa: ANN401
    parts = [f"### {name}\n", _signature(name, thing), _told(inspect.getdoc(thing) or "")]
    if inspect.isclass(thing):
        parts += [
            f"**`{name}.{method}`**\n\n"
            f"{_signature(method, function)}\n{_told(inspect.getdoc(function) or '')}"
            for method, function in _methods(thing)
        ]
    return "\n".join(part for part in parts if part)


def _methods(thing: type) -> Iterator[tuple[str, Any]]:
    for name, member in vars(thing).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield name, member.fget
        elif isinstance(member, staticmethod | classmethod):
            yield name, member.__func__
        elif inspect.isfunction(member):
            yield name, member


def _signature(name: str, thing: Any) -> str:  # noqa: ANN401
    """How it is called; nothing for errors, and for classes that are not made by calling them."""
    is_class = inspect.isclass(thing)
    if is_class and (issubclass(thing, Exception) or not _can_be_made(thing)):
        return ""
    signature = inspect.signature(thing)
    parts: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        if parameter.name not in ("self", "cls"):
            parts.append(_parameter(parameter))
    arrow = "" if is_class else f" -> {_annotation(signature.return_annotation)}"
    line = f"{name}({', '.join(parts)}){arrow}"
    if len(line) > _WIDTH:
        line = f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){arrow}"
    return f"```python\n{line}\n```\n"


def _can_be_made(thing: type) -> bool:
    return not (inspect.isabstract(thing) or getattr(thing, "_is_protocol", False))


def _parameter(parameter: inspect.Parameter) -> str:
    told = f"{parameter.name}: {_annotation(parameter.annotation)}"
    if parameter.default is parameter.empty:
        return told
    default = repr(parameter.default)
    # What has no short form of its own, such as an object's place in memory, is told in the text.
    return f"{told} = {'…' if '<' in default or len(default) > _LONG_DEFAULT else default}"


def _annotation(annotation: Any) -> str:  # noqa: ANN401
    """A type without the modules it is from."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:\w+\.)+(?=[A-Za-z_])|~", "", text)


def _told(docstring: str) -> str:
    """A Google-style docstring as Markdown."""
    pattern = rf"^({'|'.join(_SECTIONS)}):\n((?:(?:[ ]{{4}}.*)?\n?)+)"
    parts, end = [], 0
    for found in re.finditer(pattern, docstring, re.MULTILINE):
        parts.append(docstring[end : found.start()].strip())
        parts.append(_section(found[1], inspect.cleandoc("\n" + found[2])))
        end = found.end()
    parts.append(docstring[end:].strip())
    return _marked("\n\n".join(part for part in parts if part)) + "\n"


def _section(title: str, body: str) -> str:
    if title not in _LISTED:
        return f"*{title}*: {' '.join(body.split())}"
    entries = re.split(r"\n(?=\S)", body)
    lines = []
    for entry in entries:
        name, _, text = entry.partition(":")
        lines.append(f"- `{name}`: {' '.join(text.split())}")
    return f"*{title}*\n\n" + "\n".join(lines)


def _marked(text: str) -> str:
    """Restructured text's marks of code as Markdown's."""
    return re.sub(r":\w+:`", "`", text.replace("``", "`"))
