"""What a reader must know about a figure: caveats, and marks where a series breaks.

Belongs here: joining the catalogue's words to the areas, services and days they are about.
Does not belong here: the words (``catalogue``) and the days (``data/reference``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Literal, get_args

import polars as pl
from pydantic import Field, field_validator

from pipelines.catalogue.loader import HERE, Catalogue, read_yaml
from pipelines.catalogue.model import (
    LANGUAGES,
    PUBLIC_NUMERATORS,
    Identifier,
    Language,
    Strict,
    every_language,
)
from pipelines.catalogue.tables import read_reference
from pipelines.clients.population_register import Provenance, updated_text
from pipelines.settings import BorderSet, PublicDenominators

EVERYWHERE = "*"
_TEXTS = [f"text_{language}" for language in LANGUAGES]


class AreaCaveat(Strict):
    """A caveat about places, times or services, shown with every figure they touch."""

    id: Identifier
    areas: tuple[str, ...]
    services: tuple[str, ...]
    period_from: date | None = None
    period_to: date | None = None
    certainty: Literal["known", "assumed"]
    source: str
    border_sets: tuple[BorderSet, ...] = get_args(BorderSet)
    texts: dict[Language, str]

    @field_validator("texts")
    @classmethod
    def _every_language(cls, texts: dict[Language, str]) -> dict[Language, str]:
        return dict(every_language(texts))


class DenominatorCaveat(Strict):
    """A caveat about public denominators from one source, shown with every figure they touch."""

    id: Identifier
    source: PublicDenominators = Field(alias="from")
    numerator: Literal["journal", "register", "any"]
    updated: dict[Language, str] = dict.fromkeys(LANGUAGES, "")
    texts: dict[Language, str]

    @field_validator("texts", "updated")
    @classmethod
    def _every_language(cls, texts: dict[Language, str]) -> dict[Language, str]:
        return dict(every_language(texts))


class AreaCaveats(Strict):
    """The file ``caveats.yml``."""

    denominators: tuple[DenominatorCaveat, ...] = ()
    caveats: tuple[AreaCaveat, ...]


class BreakTexts(Strict):
    """The file ``breaks.yml``: names of services, and a sentence per kind of break."""

    services: dict[str, dict[Language, str]]
    kinds: dict[str, dict[Language, str]]

    @field_validator("services", "kinds")
    @classmethod
    def _every_language(
        cls, entries: dict[str, dict[Language, str]]
    ) -> dict[str, dict[Language, str]]:
        return {name: dict(every_language(texts)) for name, texts in entries.items()}


def caveats_table(
    catalogue: Catalogue,
    years: range,
    folder: Path = HERE,
    register: Provenance | None = None,
    border_set: BorderSet = "date",
) -> pl.DataFrame:
    """Caveats and what they apply to.

    Args:
        catalogue: The loaded catalogue, whose indicators carry their own caveats.
        years: Calendar years of the release; caveats of a time are spelt out for each.
        folder: The catalogue folder, whose ``caveats.yml`` carries those of areas and of public
            denominators.
        register: Where public denominators come from; null: the journal.
        border_set: The borders that history was cut to: some caveats go with some borders.

    Returns:
        One row per caveat, indicator, area (``*``: all) and period (null: all), with the text
        in three languages.
    """
    rows = [*_indicator_caveats(catalogue)]
    written = read_yaml(folder / "caveats.yml", AreaCaveats)
    for caveat in written.caveats:
        if border_set in caveat.border_sets:
            rows += _area_caveat(caveat, catalogue, years)
    for said in written.denominators:
        rows += _denominator_caveat(said, catalogue, register)
    schema = {
        "indicator_id": pl.String,
        "area_code": pl.String,
        "period_start": pl.Date,
        "caveat_id": pl.String,
        **dict.fromkeys(_TEXTS, pl.String),
    }
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return table.sort("indicator_id", "area_code", "caveat_id", "period_start")


def _indicator_caveats(catalogue: Catalogue) -> Iterator[tuple[object, ...]]:
    for entry in catalogue.indicators.values():
        by_language = {
            language: {caveat.id: caveat.text for caveat in entry.texts[language].caveats}
            for language in LANGUAGES
        }
        for caveat_id in by_language["nb"]:
            texts = (by_language[language][caveat_id] for language in LANGUAGES)
            yield (entry.id, EVERYWHERE, None, caveat_id, *texts)


def _denominator_caveat(
    caveat: DenominatorCaveat, catalogue: Catalogue, register: Provenance | None
) -> Iterator[tuple[object, ...]]:
    if caveat.source != ("journal" if register is None else "register"):
        return
    texts = [_filled(caveat, language, register) for language in LANGUAGES]
    for entry in catalogue.indicators.values():
        own = "register" if entry.numerator.measure in PUBLIC_NUMERATORS else "journal"
        if entry.denominator.public and caveat.numerator in (own, "any"):
            yield (entry.id, EVERYWHERE, None, caveat.id, *texts)


def _filled(caveat: DenominatorCaveat, language: Language, register: Provenance | None) -> str:
    if register is None:
        return caveat.texts[language]
    updated = ""
    if register.updated:
        updated = caveat.updated[language].format(date=updated_text(register.updated))
    return caveat.texts[language].format(
        source=register.source, updated=updated, licence=register.licence
    )


def _area_caveat(
    caveat: AreaCaveat, catalogue: Catalogue, years: range
) -> Iterator[tuple[object, ...]]:
    limited = caveat.period_from is not None or caveat.period_to is not None
    first = caveat.period_from or date.min
    last = caveat.period_to or date.max
    periods: list[date | None] = [None]
    if limited:
        periods = [
            date(y, 1, 1) for y in years if first <= date(y, 12, 31) and date(y, 1, 1) <= last
        ]
    for entry in catalogue.indicators.values():
        if EVERYWHERE in caveat.services or entry.coverage.service in caveat.services:
            for area in caveat.areas:
                for period in periods:
                    texts = (caveat.texts[language] for language in LANGUAGES)
                    yield (entry.id, area, period, caveat.id, *texts)


def breaks_table(
    reference: Path, folder: Path = HERE, border_set: BorderSet = "date"
) -> pl.DataFrame:
    """Breaks in the series: go-lives and borders.

    Args:
        reference: Folder of the reference CSV files.
        folder: The catalogue folder, whose ``breaks.yml`` carries the texts.
        border_set: The borders that history was cut to: what changed their municipalities' names
            alone breaks no series of residents.

    Returns:
        One row per area, service (``*``: all) and break: ``break_on``, ``kind`` (go_live |
        border), and the text in three languages. Planned go-lives break nothing yet.
    """
    texts = read_yaml(folder / "breaks.yml", BreakTexts)
    names = read_reference(reference, "municipalities").select("municipality_code", "name")
    rows = [*_go_live_breaks(reference, names, texts)]
    if border_set == "date":
        rows += _border_breaks(reference, names, texts)
    schema = {
        "area_code": pl.String,
        "service": pl.String,
        "break_on": pl.Date,
        "kind": pl.String,
        **dict.fromkeys(_TEXTS, pl.String),
    }
    return pl.DataFrame(rows, schema=schema, orient="row").sort("area_code", "break_on", "service")


def _go_live_breaks(
    reference: Path, names: pl.DataFrame, texts: BreakTexts
) -> Iterator[tuple[object, ...]]:
    municipal = (
        read_reference(reference, "go_live")
        .filter(pl.col("status") == "live")
        .select("municipality_code", "service", "go_live_on", "certainty")
    )
    hospital = (
        read_reference(reference, "catchment")
        .sort("share", descending=True)
        .group_by("municipality_code", maintain_order=True)
        .first()
        .join(
            read_reference(reference, "hospitals")
            .filter(pl.col("status") == "live")
            .select("hospital_code", "go_live_on"),
            on="hospital_code",
        )
        .select("municipality_code", pl.lit("hospital").alias("service"), "go_live_on", "certainty")
    )
    live = pl.concat([municipal, hospital]).join(names, on="municipality_code")
    for row in live.iter_rows(named=True):
        kind = "go_live" if row["certainty"] == "confirmed" else "go_live_assumed"
        words = [
            texts.kinds[kind][language].format(
                date=row["go_live_on"].isoformat(),
                area=row["name"],
                service=texts.services[row["service"]][language],
            )
            for language in LANGUAGES
        ]
        yield (row["municipality_code"], row["service"], row["go_live_on"], "go_live", *words)


def _border_breaks(
    reference: Path, names: pl.DataFrame, texts: BreakTexts
) -> Iterator[tuple[object, ...]]:
    name_of: Mapping[str, str] = dict(names.iter_rows())
    events = read_reference(reference, "border_events").filter(
        (pl.col("kind") == "split") & pl.col("from_code").is_in(list(name_of))
    )
    for row in events.iter_rows(named=True):
        heirs = sorted(
            events.filter(
                (pl.col("event_on") == row["event_on"]) & (pl.col("from_code") == row["from_code"])
            )["to_code"].to_list()
        )
        words = [
            texts.kinds["border_split"][language].format(
                date=row["event_on"].isoformat(),
                predecessor=name_of[row["from_code"]],
                successors=", ".join(name_of[heir] for heir in heirs),
            )
            for language in LANGUAGES
        ]
        yield (row["to_code"], EVERYWHERE, row["event_on"], "border", *words)
