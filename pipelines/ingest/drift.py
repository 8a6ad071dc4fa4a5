"""Drift: fields that came, went or changed their kind since the catalogue was written.

Belongs here: comparing a sample of a file's lines with the standard and the catalogue. Does not
belong here: judging single lines (``columns``, ``lines``).

A field that nobody has decided upon is not taken in; it is reported by name. A field that took the
place of one that is needed refuses the file: a column must not go empty in silence.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from pipelines.catalogue.entities import Table
from pipelines.catalogue.fhir import fhir_r4
from pipelines.clients.delivered_files import DeliveryRefusedError
from pipelines.ingest.limits import Limits
from pipelines.ingest.plan import ResourcePlan
from pipelines.ingest.views import Shape

_PRESENTABLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_.:/()\[\]-]{0,120}$")
_LONG_NUMBER = re.compile(r"\d{5}")
_ALIKE = 0.6
_KINDS: dict[str, tuple[type, ...]] = {
    "VARCHAR": (str,),
    "BOOLEAN": (bool,),
    "DOUBLE": (int, float),
    "BIGINT": (int,),
}
_ALWAYS = frozenset(("resourceType", "id", "extension"))
_ENOUGH = 20
"""Objects that a sample must hold before a change of all of them means anything."""


@dataclass
class _Seen:
    objects: Counter[str] = field(default_factory=Counter)
    names: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    unexpected: set[tuple[str, str]] = field(default_factory=set)


def check_sample(lines: Iterable[bytes], plan: ResourcePlan) -> tuple[str, ...]:
    """Compare the first lines of a file with what is expected of its entity.

    Args:
        lines: The lines; those that are no JSON objects are passed over here.
        plan: The entity's plan.

    Returns:
        Names of fields that neither the catalogue takes nor decides to drop, sorted. A name that
        could hold anything but a name is given as ``other``.

    Raises:
        DeliveryRefusedError: ``type_changed`` (most values of a field are of another JSON kind) or
            ``field_renamed`` (a needed field is gone and one of a similar name has come).
    """
    seen = _Seen()
    for line in lines:
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            _look(document, plan.shape, "", plan, seen)
    _refuse_changed_kind(seen)
    _refuse_renamed(plan, seen)
    return tuple(sorted({presentable(f"{at}.{name}".lstrip(".")) for at, name in seen.unexpected}))


@dataclass
class Filled:
    """Counts how many rows of a table have a value in each column.

    Attributes:
        table: The table, with ``minimum_filled`` per column.
    """

    table: Table
    _rows: int = 0
    _empty: Counter[str] = field(default_factory=Counter)

    def add(self, rows: pl.DataFrame) -> None:
        """Count rows that came through the door."""
        self._rows += rows.height
        for column in self.table.columns:
            if column.minimum_filled:
                self._empty[column.name] += rows[column.name].null_count()

    def check(self, limits: Limits) -> None:
        """Refuse the file if a column is emptier than it ever should be.

        Args:
            limits: Files with fewer rows are too small to tell.

        Raises:
            DeliveryRefusedError: ``column_emptied``; names the column.
        """
        if self._rows < limits.fill_rows:
            return
        for column in self.table.columns:
            share = 1 - self._empty[column.name] / self._rows
            if share < column.minimum_filled:
                raise DeliveryRefusedError(
                    "column_emptied",
                    f"{self.table.name}.{column.name} has a value in {share:.0%} of the rows; "
                    f"expected at least {column.minimum_filled:.0%}",
                )


def _look(value: object, shape: Shape, at: str, plan: ResourcePlan, seen: _Seen) -> None:
    kinds = _json_kinds(shape.type)
    if kinds is not None:
        seen.values[at] += 1
        fits = isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds)
        seen.wrong[at] += not fits
        return
    if not isinstance(value, dict):
        return
    seen.objects[at] += 1
    # Inside a resource's parts the standard decides; of the resource itself every element does.
    known = _names_of(shape.type) if at else _ALWAYS | set(plan.entity.dropped) | {*shape.children}
    for name in value:
        seen.names[at, name] += 1
        if name.removeprefix("_") not in known:
            seen.unexpected.add((at, name))
    if shape.type == "Extension" and not _known_extension(value.get("url"), plan):
        seen.unexpected.add((at, f"extension({value.get('url')})"))
    for name, child in shape.children.items():
        found = value.get(name)
        for item in found if isinstance(found, list) else [] if found is None else [found]:
            _look(item, child, f"{at}.{name}".lstrip("."), plan, seen)


@cache
def _json_kinds(type_name: str) -> tuple[type, ...] | None:
    """Python types of a plain value in JSON; none for an object."""
    model = fhir_r4()
    return _KINDS[model.sql_type(type_name)] if model.is_primitive(type_name) else None


@cache
def _names_of(type_name: str) -> frozenset[str]:
    return fhir_r4().json_names(type_name)


def _known_extension(url: object, plan: ResourcePlan) -> bool:
    known = plan.extensions | set(plan.entity.dropped_extensions)
    return url in known or (isinstance(url, str) and "/" not in url)


def _refuse_changed_kind(seen: _Seen) -> None:
    for at, wrong in sorted(seen.wrong.items()):
        if seen.values[at] >= _ENOUGH and wrong > seen.values[at] / 2:
            raise DeliveryRefusedError(
                "type_changed",
                f"{at} is of another JSON type than the standard's in {wrong} of "
                f"{seen.values[at]} sampled values",
            )


def _refuse_renamed(plan: ResourcePlan, seen: _Seen) -> None:
    for at, shape in _walk(plan.shape, ""):
        if seen.objects[at] < _ENOUGH:
            continue
        gone = [name for name in shape.children if not seen.names[at, name]]
        for place, name in sorted(seen.unexpected):
            if place == at and (like := difflib.get_close_matches(name, gone, 1, _ALIKE)):
                raise DeliveryRefusedError(
                    "field_renamed",
                    f"{presentable(f'{at}.{like[0]}'.lstrip('.'))} is in no sampled line, and "
                    f"{presentable(name)} has come",
                )


def _walk(shape: Shape, at: str) -> Iterable[tuple[str, Shape]]:
    yield at, shape
    for name, child in shape.children.items():
        yield from _walk(child, f"{at}.{name}".lstrip("."))


def presentable(name: str) -> str:
    """A delivered name as it may be told; one that could hold anything but a name is ``other``."""
    return name if _PRESENTABLE.match(name) and not _LONG_NUMBER.search(name) else "other"
