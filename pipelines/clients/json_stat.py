"""JSON-stat 2 datasets as Polars frames, with the reason why a value is missing.

Belongs here: the format alone, as https://json-stat.org/full/ describes it. Does not belong here:
what a table means, and fetching it (``population_register``).

A reply comes from outside: whatever does not fit is refused, never filled in, cut or guessed. A
value that is null stays null beside its ``status`` symbol; it is not zero.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

MOST_CELLS = 2_000_000
"""Cells past which a dataset is refused: its sizes decide how much memory it takes."""
_NUMBERS = {int, float, type(None)}
_POSITION = r"^(0|[1-9][0-9]{0,8})$"


class JsonStatError(ValueError):
    """A reply is no JSON-stat 2 dataset; the message names the element and what was expected."""


@dataclass(frozen=True)
class Dimension:
    """One dimension of a dataset.

    Attributes:
        label: Name for people.
        codes: Codes of its categories, in order of their positions.
        labels: Code → name for people; empty where the dataset names none.
        extension: What the publisher adds, as it came.
    """

    label: str
    codes: tuple[str, ...]
    labels: Mapping[str, str]
    extension: Mapping[str, Any]


@dataclass(frozen=True)
class Structure:
    """What a dataset says of itself, without its values.

    Attributes:
        label: Title.
        source: Who publishes it, as the publisher wants to be named; empty where it does not say.
        updated: When it was last changed (UTC); null where it does not say.
        dimensions: Dimensions by id, in the order of the dataset.
        roles: Role (``time``, ``geo``, ``metric``) → ids of dimensions.
    """

    label: str
    source: str
    updated: dt.datetime | None
    dimensions: Mapping[str, Dimension]
    roles: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Dataset:
    """A dataset with its values.

    Attributes:
        structure: What it says of itself.
        cells: One row per cell, row-major: a text column per dimension (the code), ``value``
            (float, null where there is none) and ``status`` (symbol, null where there is none).
    """

    structure: Structure
    cells: pl.DataFrame


def read_structure(content: bytes) -> Structure:
    """Read a dataset's description; its values are not looked at.

    Args:
        content: JSON text, UTF-8.

    Raises:
        JsonStatError: It is no JSON-stat 2 dataset.
    """
    return _structure(_parsed(content))


def read_dataset(content: bytes) -> Dataset:
    """Read a dataset.

    Args:
        content: JSON text, UTF-8.

    Raises:
        JsonStatError: It is no JSON-stat 2 dataset, or its values do not fit its sizes.
    """
    document = _parsed(content)
    structure = _structure(document)
    if clash := {"value", "status"} & structure.dimensions.keys():
        raise JsonStatError(f"id: expected dimensions beside value and status, got {sorted(clash)}")
    sizes = [len(one.codes) for one in structure.dimensions.values()]
    cells = math.prod(sizes)
    value = _values(document.get("value"), cells)
    status = _statuses(document.get("status"), cells)
    position = pl.int_range(cells, eager=True, dtype=pl.UInt32)
    columns, stride = [], cells
    for (name, dimension), size in zip(structure.dimensions.items(), sizes, strict=True):
        stride //= size
        codes = pl.Series(name, dimension.codes, dtype=pl.String)
        columns.append(codes.gather(position // stride % size).alias(name))
    return Dataset(structure, pl.DataFrame([*columns, value, status]))


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content, object_pairs_hook=_each_once, parse_constant=_no_constant)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise JsonStatError(f"expected JSON in UTF-8, got {len(content)} bytes of other") from None
    if not isinstance(document, dict):
        raise JsonStatError(f"expected an object, got {type(document).__name__}")
    if (document.get("version"), document.get("class")) != ("2.0", "dataset"):
        raise JsonStatError("version and class: expected a dataset of JSON-stat 2.0, got another")
    return document


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which no name comes twice: the last one would win without a word."""
    content = dict(pairs)
    if len(content) != len(pairs):
        raise JsonStatError("expected each name of an object once, got one twice")
    return content


def _no_constant(name: str) -> None:
    raise JsonStatError(f"expected numbers of JSON, got {name}")


def _structure(document: Mapping[str, Any]) -> Structure:
    names, sizes = document.get("id"), document.get("size")
    described = document.get("dimension")
    if not _texts(names) or not names or len(set(names)) != len(names):
        raise JsonStatError("id: expected a list of different names")
    if not isinstance(sizes, list) or len(sizes) != len(names):
        raise JsonStatError(f"size: expected one number for each of {len(names)} dimensions")
    if not isinstance(described, dict):
        raise JsonStatError("dimension: expected an object")
    dimensions = {
        name: _dimension(name, described.get(name), size)
        for name, size in zip(names, sizes, strict=True)
    }
    if (cells := math.prod(len(one.codes) for one in dimensions.values())) > MOST_CELLS:
        raise JsonStatError(f"size: expected at most {MOST_CELLS} cells, got {cells}")
    return Structure(
        label=_text(document, "label"),
        source=_text(document, "source"),
        updated=_moment(document.get("updated")),
        dimensions=dimensions,
        roles=_roles(document.get("role"), dimensions),
    )


def _dimension(name: str, described: object, size: object) -> Dimension:
    where = f"dimension.{name}"
    if not isinstance(described, dict) or not isinstance(described.get("category"), dict):
        raise JsonStatError(f"{where}.category: expected an object, got none")
    category = described["category"]
    labels = category.get("label", {})
    if not isinstance(labels, dict) or not _texts([*labels, *labels.values()]):
        raise JsonStatError(f"{where}.category.label: expected names by code")
    codes = _codes(where, category.get("index"), labels)
    if type(size) is not int or len(codes) != size:
        raise JsonStatError(f"{where}: expected as many categories as its size, got {len(codes)}")
    if labels.keys() - set(codes):
        raise JsonStatError(f"{where}.category.label: expected names of known codes alone")
    extension = described.get("extension", {})
    return Dimension(
        label=_text(described, "label"),
        codes=codes,
        labels=labels,
        extension=extension if isinstance(extension, dict) else {},
    )


def _codes(where: str, index: object, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Codes in order: of a list, of an object by position, or the one that is named alone."""
    if index is None and len(labels) == 1:
        return tuple(labels)
    if isinstance(index, dict):
        places = list(index.values())
        if not index or set(map(type, places)) != {int}:
            raise JsonStatError(f"{where}.category.index: expected a whole number for each code")
        if sorted(places) != list(range(len(places))):
            raise JsonStatError(f"{where}.category.index: expected each position from 0 once")
        return tuple(sorted(index, key=index.__getitem__))
    if isinstance(index, list) and index and _texts(index) and len(set(index)) == len(index):
        return tuple(index)
    raise JsonStatError(f"{where}.category.index: expected different codes, as list or object")


def _values(given: object, cells: int) -> pl.Series:
    if isinstance(given, dict):
        return _placed(_column("value", list(given.values()), pl.Float64()), given, cells)
    if not isinstance(given, list):
        raise JsonStatError("value: expected a list, or an object by position")
    if len(given) != cells:
        raise JsonStatError(f"value: expected {cells} values by size, got {len(given)}")
    return _column("value", given, pl.Float64())


def _statuses(given: object, cells: int) -> pl.Series:
    """The symbol of each cell: one for all, a list, or an object by position."""
    if given is None:
        return pl.Series("status", [None], dtype=pl.String).new_from_index(0, cells)
    if isinstance(given, str):
        return pl.Series("status", [given]).new_from_index(0, cells)
    if isinstance(given, dict):
        return _placed(_column("status", list(given.values()), pl.String()), given, cells)
    if not isinstance(given, list) or len(given) != cells:
        raise JsonStatError(f"status: expected a text, {cells} of them, or an object by position")
    return _column("status", given, pl.String())


def _column(name: str, given: Sequence[object], dtype: pl.DataType) -> pl.Series:
    kinds = _NUMBERS if dtype == pl.Float64 else {str, type(None)}
    # Polars would take a boolean for a number.
    if not set(map(type, given)) <= kinds:
        raise JsonStatError(f"{name}: expected {'numbers' if kinds is _NUMBERS else 'texts'}")
    try:
        column = pl.Series(name, given, dtype=dtype)
    except OverflowError:
        raise JsonStatError(f"{name}: expected numbers of ordinary size") from None
    if dtype == pl.Float64 and not column.is_finite().all():
        raise JsonStatError(f"{name}: expected numbers of ordinary size")
    return column


def _placed(column: pl.Series, given: Mapping[str, object], cells: int) -> pl.Series:
    """Values that are given by position, on all cells; the others are null."""
    places = pl.Series("place", list(given), dtype=pl.String)
    if not places.str.contains(_POSITION).all():
        raise JsonStatError(f"{column.name}: expected positions as whole numbers")
    place = places.cast(pl.UInt32)
    if place.len() and int(place.max() or 0) >= cells:  # type: ignore[arg-type]
        raise JsonStatError(f"{column.name}: expected positions below {cells}, got a higher one")
    every = pl.DataFrame({"place": pl.int_range(cells, eager=True, dtype=pl.UInt32)})
    known = pl.DataFrame([place, column])
    return every.join(known, on="place", how="left", maintain_order="left")[column.name]


def _roles(given: object, dimensions: Mapping[str, Dimension]) -> Mapping[str, tuple[str, ...]]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise JsonStatError("role: expected an object")
    for role, names in given.items():
        if not _texts(names) or set(names) - dimensions.keys():
            raise JsonStatError(f"role.{role}: expected names of dimensions")
    return {role: tuple(names) for role, names in given.items()}


def _moment(given: object) -> dt.datetime | None:
    if given is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(given if isinstance(given, str) else "")
    except ValueError:
        raise JsonStatError("updated: expected a point in time (ISO 8601)") from None
    # A date alone, or a time without a zone, is taken for UTC: it is told, never computed with.
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return aware.astimezone(dt.UTC)


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name, "")
    return value if isinstance(value, str) else ""


def _texts(given: object) -> bool:
    return isinstance(given, list) and set(map(type, given)) <= {str}
