"""Turn a template of a resource into one Polars expression that writes a JSON line per row.

Belongs here: templates and escaping. Does not belong here: what a resource looks like (``fhir``).

A template is the JSON itself, as dicts and lists, with a placeholder where a row's value goes.
Keys are written without spaces in the order given. A missing optional value leaves its key out,
as FHIR asks, so that no line holds a null.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Text:
    """A string column; ``free`` where the text may hold quotes, backslashes or line breaks."""

    column: str
    free: bool = False


@dataclass(frozen=True)
class Raw:
    """A column whose text is JSON already, or a number."""

    column: str


@dataclass(frozen=True)
class Maybe:
    """A value whose key is left out where ``column`` is null; never the first key of an object."""

    column: str
    value: object


@dataclass(frozen=True)
class Present:
    """A list of optional values, of which those with a null column are left out."""

    items: tuple[Maybe, ...]


def json_line(template: Mapping[str, object]) -> pl.Expr:
    """Compile a template.

    Args:
        template: The resource.

    Returns:
        An expression that gives one line of JSON, without line break, per row.

    Raises:
        ValueError: If the first key of an object is optional.
        TypeError: If the template holds something that is no JSON and no placeholder.
    """
    return _joined(_parts(template))


def _joined(parts: list[str | pl.Expr]) -> pl.Expr:
    merged: list[str | pl.Expr] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(part, str) and isinstance(last, str):
            merged[-1] = last + part
        else:
            merged.append(part)
    return pl.concat_str([pl.lit(part) if isinstance(part, str) else part for part in merged])


def _parts(value: object) -> list[str | pl.Expr]:
    if isinstance(value, Text):
        text = pl.col(value.column).cast(pl.String)
        return [_quoted(text)] if value.free else ['"', text, '"']
    if isinstance(value, Raw):
        return [pl.col(value.column).cast(pl.String)]
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, Present):
        there = [
            pl.when(pl.col(item.column).is_not_null()).then(_joined(_parts(item.value)))
            for item in value.items
        ]
        return ["[", pl.concat_str(there, separator=",", ignore_nulls=True), "]"]
    if isinstance(value, list | tuple):
        inner: list[str | pl.Expr] = []
        for position, item in enumerate(value):
            inner += ([","] if position else []) + _parts(item)
        return ["[", *inner, "]"]
    if isinstance(value, str | bool | int | float):
        return [json.dumps(value, ensure_ascii=False)]
    raise TypeError(
        f"json_line: expected JSON or a placeholder, got {type(value).__name__}; mend the template."
    )


def _object(value: Mapping[str, object]) -> list[str | pl.Expr]:
    parts: list[str | pl.Expr] = ["{"]
    for position, (key, item) in enumerate(value.items()):
        name = ("," if position else "") + json.dumps(key) + ":"
        if isinstance(item, Maybe):
            if not position:
                raise ValueError(f"json_line: the first key, {key!r}, may not be optional.")
            there = _joined([name, *_parts(item.value)])
            parts.append(pl.when(pl.col(item.column).is_null()).then(pl.lit("")).otherwise(there))
        else:
            parts += [name, *_parts(item)]
    return [*parts, "}"]


def _quoted(text: pl.Expr) -> pl.Expr:
    """Text as a JSON string, quotation marks included; null stays null."""
    encoded = pl.struct(text.alias("t")).struct.json_encode()
    return pl.when(text.is_not_null()).then(encoded.str.slice(5).str.strip_suffix("}"))
