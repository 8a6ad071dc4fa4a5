"""What stands behind a figure: its definition, its SQL, where its rows come from, its caveats.

Belongs here: gathering this from the catalogue, dbt's manifest and the current release. Does not
belong here: how it is printed (``cli_catalogue``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.catalogue.loader import Catalogue
from pipelines.catalogue.model import Indicator, Language
from pipelines.explain_figures import OF_PERSONS, ExplainError, Period, Remark, figures, remarks
from pipelines.resources import DBT_FOLDER, prepared_dbt_project
from pipelines.settings import Settings, Zones

MARTS = {"strata": "fct_indicator_counts", "flow": "fct_flow_counts"}
RULES = "int_"
"""How models are named that stand between the journal's tables and a measure."""
PUBLIC_SIDES = ("int_register_measures", "int_month_person_time")
"""Models that count public denominators in place of the journal's."""


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
class Explanation:
    """All that is told of one indicator.

    Attributes:
        indicator: Its file.
        queries: SQL of the numerator and the denominator, of the tables that count them, and of
            what the two read on the way from the journal, nearest first.
        lineage: Tables upstream of the two measures and of what counts them, each once.
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
    period: str | None = None,
    by: str | None = None,
) -> Explanation:
    """Gather what stands behind a figure.

    Args:
        settings: Settings of this process.
        catalogue: The loaded catalogue.
        indicator_id: The indicator.
        language: Language of the texts.
        area: Area code, or null for the indicator in general.
        period: With an area: a year, a month, a quarter or years together, as typed.
        by: With an area: ``sex``, ``age_group`` or a breakdown; null for the totals.

    Raises:
        ExplainError: The indicator, the area, the period or the split is not there.
    """
    indicator = catalogue.indicators.get(indicator_id)
    if indicator is None:
        raise ExplainError(
            f"indicator {indicator_id!r}: expected one of {', '.join(catalogue.indicators)}"
        )
    asked = Period.typed(period or "") if area is not None else None
    manifest = _manifest(settings)
    measures = [indicator.numerator.measure, indicator.denominator.measure]
    models = [*dict.fromkeys(f"msr_{name}" for name in measures)]
    counted = _counted(indicator, asked.type if asked else "year", by)
    apart = () if indicator.denominator.public else PUBLIC_SIDES
    lineage = list(_upstream(manifest, models, counted, apart))
    rules = [step.name for step in lineage if step.name.startswith(RULES)]
    shown = dict.fromkeys([*models, *counted, *rules])
    queries = [_query(settings.zones, manifest, model) for model in shown]
    if area is None or asked is None:
        own = [
            Remark(caveat.text, f"pipelines/catalogue/indicators/{indicator.id}.yml")
            for caveat in indicator.texts[language].caveats
        ]
        return Explanation(indicator, queries, lineage, own)
    zones = settings.zones
    release_id, rows = figures(zones, indicator, area, asked, by)
    said = remarks(zones, release_id, indicator, language, area, asked)
    return Explanation(indicator, queries, lineage, said, rows, release_id)


def _counted(indicator: Indicator, period_type: str, by: str | None) -> list[str]:
    """The tables that count an indicator by such periods and splits."""
    if period_type in ("month", "quarter"):
        on_date = ["int_date_values"] if indicator.timing == "on_date" else []
        return [*on_date, "fct_month_counts"]
    if period_type != "year":
        strata = ["fct_pooled_strata"] if "indirect" in indicator.value_kinds else []
        return ["fct_pooled_counts", *strata]
    if by is not None and by not in OF_PERSONS:
        return ["fct_breakdown_counts"]
    medians = ["fct_medians"] if indicator.median is not None else []
    return [MARTS[indicator.counting], *medians]


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


def _upstream(
    manifest: Mapping[str, Any], models: Sequence[str], counted: Sequence[str], apart: Sequence[str]
) -> Iterator[Step]:
    """Each table once, at its shortest way from a measure or a counting table, nearest first.

    Args:
        manifest: dbt's manifest.
        models: The measures.
        counted: The tables that count them; these read all measures, of which the others are
            passed over.
        apart: Models that the counting tables read for other indicators.
    """
    entries = {**manifest["nodes"], **manifest["sources"]}
    own = {f"model.folkepuls.{model}" for model in models}
    seen = own | {f"model.folkepuls.{model}" for model in (*counted, *apart)}
    waiting = [(f"model.folkepuls.{model}", 0, model in models) for model in (*models, *counted)]
    while waiting:
        key, depth, of_measure = waiting.pop(0)
        entry = entries[key]
        name = str(entry["name"])
        if entry["resource_type"] == "source":
            name = f"{entry['source_name']}.{name}"
        yield Step(name, depth, " ".join(str(entry.get("description") or "").split()))
        for parent in sorted(entry.get("depends_on", {}).get("nodes", ())):
            others = not of_measure and str(entries[parent]["name"]).startswith("msr_")
            if parent not in seen and not others:
                seen.add(parent)
                waiting.append((parent, depth + 1, of_measure))
