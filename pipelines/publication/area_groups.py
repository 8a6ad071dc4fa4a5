"""Which municipalities are alike: groups that a reader compares one municipality with.

Belongs here: who belongs to which group, from public facts alone. Does not belong here: the words
and the limits (``catalogue/area_groups.yml``), and sums over a group: municipalities of a group are
set side by side, since a sum would be one more figure to protect.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
from pydantic import field_validator

from pipelines.catalogue.loader import HERE, read_yaml
from pipelines.catalogue.model import LANGUAGES, Identifier, Language, Strict, every_language
from pipelines.catalogue.tables import read_reference

PEERS = "size"
"""The kind of group that ``comparisons`` names: what a municipality can do follows its size."""
_POPULATION = ("population_2026", "population_2025", "population_2024", "population_2023")
_TEXTS = dict[Language, str]


class GroupClass(Strict):
    """One class of a kind that goes by a number.

    Attributes:
        id: Of the class within its kind.
        below: It ends before this; none for the last.
        texts: Its name in three languages.
    """

    id: str
    below: float | None
    texts: _TEXTS

    @field_validator("texts")
    @classmethod
    def _every_language(cls, texts: _TEXTS) -> _TEXTS:
        return dict(every_language(texts))


class AreaGroups(Strict):
    """The file ``area_groups.yml``.

    Attributes:
        kinds: Names of the kinds of groups.
        labels: Names of groups that are called by a name or a date.
        size: Classes by inhabitants.
        age: Classes by the share aged 80 and over.
    """

    kinds: dict[Identifier, _TEXTS]
    labels: dict[Identifier, _TEXTS]
    size: tuple[GroupClass, ...]
    age: tuple[GroupClass, ...]

    @field_validator("kinds", "labels")
    @classmethod
    def _every_language(cls, texts: dict[str, _TEXTS]) -> dict[str, _TEXTS]:
        return {name: dict(every_language(one)) for name, one in texts.items()}

    @field_validator("size", "age")
    @classmethod
    def _ascending(cls, classes: tuple[GroupClass, ...]) -> tuple[GroupClass, ...]:
        limits = [one.below for one in classes[:-1]]
        if not classes or None in limits or limits != sorted(set(limits), key=float):  # type: ignore[arg-type]
            raise ValueError("expected classes in ascending order, all but the last with a limit")
        if classes[-1].below is not None:
            raise ValueError("expected a last class without a limit")
        return classes


def area_groups_table(reference: Path, folder: Path = HERE) -> pl.DataFrame:
    """Groups of municipalities by county, hospital, size, age and start.

    Args:
        reference: Folder of the reference CSV files.
        folder: The catalogue folder, whose ``area_groups.yml`` has names and limits.

    Returns:
        One row per municipality and kind of group: area_code, group_kind, group_id (kind and class;
        the same for all members), kind and label in three languages. A municipality whose
        number is not known, or that has not started, is in no group of that kind.
    """
    words = read_yaml(folder / "area_groups.yml", AreaGroups)
    places = read_reference(reference, "municipalities").with_columns(
        inhabitants=pl.coalesce(_POPULATION),
        old=pl.col("population_2024_80_plus") / pl.col("population_2024"),
    )
    rows = [
        *_named(places, "county", "county_code", "county", words),
        *_classed(places, "size", "inhabitants", words.size, words),
        *_classed(places, "age", "old", words.age, words),
        *_named(_hospitals(reference), "hospital", "hospital_code", "name", words),
        *_started(reference, words),
    ]
    columns = ["area_code", "group_kind", "group_id"]
    texts = [f"{text}_{language}" for text in ("kind_text", "label") for language in LANGUAGES]
    table = pl.DataFrame(rows, schema=dict.fromkeys([*columns, *texts], pl.String), orient="row")
    return table.sort("area_code", "group_kind")


_Row = tuple[str, ...]


def _row(area: str, kind: str, group: str, label: _TEXTS, words: AreaGroups) -> _Row:
    names = words.kinds[kind]
    told = (*(names[one] for one in LANGUAGES), *(label[one] for one in LANGUAGES))
    return (area, kind, f"{kind}:{group}", *told)


def _named(
    places: pl.DataFrame, kind: str, code: str, name: str, words: AreaGroups
) -> Iterator[_Row]:
    known = places.drop_nulls([code, name]).select("municipality_code", code, name)
    for area, group, called in known.iter_rows():
        label = {one: words.labels[kind][one].format(name=called) for one in LANGUAGES}
        yield _row(area, kind, str(group), label, words)


def _classed(
    places: pl.DataFrame, kind: str, number: str, classes: Sequence[GroupClass], words: AreaGroups
) -> Iterator[_Row]:
    for area, value in places.drop_nulls(number).select("municipality_code", number).iter_rows():
        own = next(one for one in classes if one.below is None or value < one.below)
        yield _row(area, kind, own.id, own.texts, words)


def _hospitals(reference: Path) -> pl.DataFrame:
    """The hospital of the largest expected share of each municipality's stays."""
    shares = read_reference(reference, "catchment").join(
        read_reference(reference, "hospitals").select("hospital_code", "name"), on="hospital_code"
    )
    ordered = shares.sort(
        "municipality_code", "share", "hospital_code", descending=[False, True, False]
    )
    return ordered.unique("municipality_code", keep="first", maintain_order=True)


def _started(reference: Path, words: AreaGroups) -> Iterator[_Row]:
    live = read_reference(reference, "go_live").filter(
        pl.col("service") == "municipal_care", pl.col("status") == "live"
    )
    for area, day in live.select("municipality_code", "go_live_on").iter_rows():
        label = {one: words.labels["start"][one].format(date=day) for one in LANGUAGES}
        yield _row(area, "start", f"{day}", label, words)
