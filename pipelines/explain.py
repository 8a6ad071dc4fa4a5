"""What stands behind a figure: its definition, its SQL, where its rows come from, its caveats.

Belongs here: gathering this from the catalogue, dbt's manifest and the current release. Does not
belong here: how it is printed (``cli_catalogue``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from pipelines.catalogue.loader import Catalogue
from pipelines.catalogue.model import Indicator, Language
from pipelines.publication.release import current_release
from pipelines.resources import DBT_FOLDER, prepared_dbt_project
from pipelines.settings import Settings, Zones

MARTS = {"strata": "fct_indicator_counts", "flow": "fct_flow_counts"}


class ExplainError(ValueError):
    """Something was asked about that is not there; the message says what is."""


@dataclass(frozen=True)
class Step:
    """One table on the way from the journal to the figure.

    Attributes:
        name: The dbt model or source.
        depth: Steps from the measure.
        description: What its YAML says of it.
    """

    name: str
    depth: int
    description: str


@dataclass(frozen=True)
class Query:
    """The SQL of one model.

    Attributes:
        model: The dbt model.
        sql: As the last run of this home ran it, or as it is written.
        ran: Whether it is the former.
    """

    model: str
    sql: str
    ran: bool


@dataclass(frozen=True)
class Remark:
    """A caveat and where it is written down."""

    text: str
    source: str


@dataclass(frozen=True)
class Explanation:
    """All that is told of one indicator.

    Attributes:
        indicator: Its file.
        queries: SQL of the numerator, the denominator and the table that counts them.
        lineage: Tables upstream of the two measures, each once.
        remarks: Caveats, for the area and period if those were given.
        figures: Published rows of the area and period; null where none were asked for.
        release_id: The release that they are of.
    """

    indicator: Indicator
    queries: Sequence[Query]
    lineage: Sequence[Step]
    remarks: Sequence[Remark]
    figures: pl.DataFrame | None = None
    release_id: str | None = None


def explain(
    settings: Settings,
    catalogue: Catalogue,
    indicator_id: str,
    language: Language,
    area: str | None = None,
    year: int | None = None,
) -> Explanation:
    """Gather what stands behind a figure.

    Args:
        settings: Settings of this process.
        catalogue: The loaded catalogue.
        indicator_id: The indicator.
        language: Language of the texts.
        area: Area code, or null for the indicator in general.
        year: Calendar year, with an area.

    Raises:
        ExplainError: The indicator, the area or the period is not there.
    """
    indicator = catalogue.indicators.get(indicator_id)
    if indicator is None:
        raise ExplainError(
            f"indicator {indicator_id!r}: expected one of {', '.join(catalogue.indicators)}"
        )
    manifest = _manifest(settings)
    measures = [indicator.numerator.measure, indicator.denominator.measure]
    models = [*dict.fromkeys(f"msr_{name}" for name in measures)]
    shown = [*models, MARTS[indicator.counting]]
    queries = [_query(settings.zones, manifest, model) for model in shown]
    lineage = list(_upstream(manifest, models))
    if area is None or year is None:
        own = [
            Remark(caveat.text, f"pipelines/catalogue/indicators/{indicator.id}.yml")
            for caveat in indicator.texts[language].caveats
        ]
        return Explanation(indicator, queries, lineage, own)
    release_id, figures = _figures(settings.zones, indicator, area, year)
    remarks = _remarks(settings.zones, release_id, indicator, language, area, year)
    return Explanation(indicator, queries, lineage, remarks, figures, release_id)


def _manifest(settings: Settings) -> Mapping[str, Any]:
    path = prepared_dbt_project(settings).manifest_path
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _query(zones: Zones, manifest: Mapping[str, Any], model: str) -> Query:
    node = _node(manifest, model)
    for tag in ("pre_strata", "post_strata"):
        ran = zones.state / "dbt" / f"run_{tag}" / "compiled" / "folkepuls"
        path = ran / str(node["original_file_path"])
        if path.is_file():
            return Query(model, path.read_text(encoding="utf-8").strip(), ran=True)
    written = DBT_FOLDER / str(node["original_file_path"])
    return Query(model, written.read_text(encoding="utf-8").strip(), ran=False)


def _node(manifest: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = manifest["nodes"][f"model.folkepuls.{model}"]
    return found


def _upstream(manifest: Mapping[str, Any], models: Sequence[str]) -> Iterator[Step]:
    """Each table once, at its shortest way from a measure, nearest first."""
    entries = {**manifest["nodes"], **manifest["sources"]}
    waiting = [(f"model.folkepuls.{model}", 0) for model in models]
    seen = set(name for name, _ in waiting)
    while waiting:
        key, depth = waiting.pop(0)
        entry = entries[key]
        name = str(entry["name"])
        if entry["resource_type"] == "source":
            name = f"{entry['source_name']}.{name}"
        yield Step(name, depth, " ".join(str(entry.get("description") or "").split()))
        for parent in sorted(entry.get("depends_on", {}).get("nodes", ())):
            if parent not in seen:
                seen.add(parent)
                waiting.append((parent, depth + 1))


def _table(zones: Zones, release_id: str, name: str) -> pl.DataFrame:
    return pl.read_parquet(zones.published / release_id / f"{name}.parquet")


def _figures(zones: Zones, indicator: Indicator, area: str, year: int) -> tuple[str, pl.DataFrame]:
    release_id = current_release(zones)
    if release_id is None:
        raise ExplainError("No release is published here: run `folkepuls run` and sign one first.")
    values = _table(zones, release_id, "indicator_values").filter(
        pl.col("indicator_id") == indicator.id,
        pl.col("period_type") == "year",
        pl.col("breakdown") == "total",
    )
    areas = values["area_code"].unique().sort()
    if area not in areas:
        raise ExplainError(
            f"area {area!r}: release {release_id} has {', '.join(areas)} for {indicator.id}"
        )
    years = values["period_start"].dt.year().unique().sort()
    found = values.filter(
        pl.col("area_code") == area,
        pl.col("period_start") == date(year, 1, 1),
        pl.col("sex") == "total",
        pl.col("age_group") == "total",
    )
    if found.is_empty():
        raise ExplainError(
            f"period {year}: release {release_id} has {', '.join(map(str, years))} for "
            f"{indicator.id}"
        )
    return release_id, found


def _remarks(
    zones: Zones, release_id: str, indicator: Indicator, language: Language, area: str, year: int
) -> list[Remark]:
    start = date(year, 1, 1)
    own = {caveat.id for caveat in indicator.texts[language].caveats}
    rows = _table(zones, release_id, "caveats").filter(
        pl.col("indicator_id") == indicator.id,
        pl.col("area_code").is_in(["*", area]),
        pl.col("period_start").is_null() | (pl.col("period_start") == start),
    )
    file = f"pipelines/catalogue/indicators/{indicator.id}.yml"
    return [
        Remark(text, file if name in own else f"pipelines/catalogue/caveats.yml ({name})")
        for name, text in rows.select("caveat_id", f"text_{language}").iter_rows()
    ]
