"""The tables that stand beside the figures in a release: what they mean and where they are from.

Belongs here: indicators, areas and coverage as frames with the columns of the
published contract. Does not belong here: figures, and the notes on them (``notes.py``).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipelines.catalogue.definition import definition_text
from pipelines.catalogue.loader import Catalogue, CatalogueError
from pipelines.catalogue.model import LANGUAGES, Indicator
from pipelines.catalogue.tables import codes_of, county_members, read_reference
from pipelines.publication.medians import MEDIAN
from pipelines.settings import BorderSet

REGION = "MIDT"
REGION_NAME = "Midt-Norge"
TEXT_COLUMNS = {
    "title": "title",
    "short_title": "short_title",
    "unit_text": "unit",
    "definition": "definition",
    "numerator_text": "numerator",
    "denominator_text": "denominator",
    "why": "why",
    "reading": "reading",
}
"""Columns of texts, one per language, and the field of the indicator's texts they show."""


def indicators_table(catalogue: Catalogue) -> pl.DataFrame:
    """One row per indicator and version, with its texts in three languages.

    Args:
        catalogue: The loaded catalogue.
    """
    return pl.DataFrame(
        [_indicator_row(entry, catalogue) for entry in catalogue.indicators.values()],
        infer_schema_length=None,
    )


def _indicator_row(entry: Indicator, catalogue: Catalogue) -> dict[str, object]:
    policy = catalogue.policy_of(entry)
    row: dict[str, object] = {
        "indicator_id": entry.id,
        "indicator_version": entry.version,
        "number": entry.number,
        "theme": entry.theme,
        "statutory_heading": entry.statutory_heading,
        "key_figure": entry.key_figure,
        "unit": entry.unit,
        "multiplier": entry.multiplier,
        "decimals": entry.decimals,
        "polarity": entry.polarity,
        "headline_kind": entry.headline_kind,
        "value_kinds": ",".join([*entry.value_kinds, *([MEDIAN] if entry.median else [])]),
        "period_type": entry.period,
        "timing": entry.timing,
        "age_min": entry.ages.min,
        "age_max": entry.ages.max,
        "age_groups": ",".join(label for _, _, label in entry.age_bands())
        if entry.age_groups
        else "",
        "coverage_service": entry.coverage.service,
        "policy_id": policy.id,
        **{f"policy_rule_{language}": policy.texts[language].rule for language in LANGUAGES},
        "threshold": policy.rules.get("threshold"),
        "public_denominator": entry.denominator.public,
        "has_strata": entry.counting == "strata",
    }
    for column, field in TEXT_COLUMNS.items():
        row |= {f"{column}_{one}": getattr(entry.texts[one], field) for one in LANGUAGES}
    row["comparable_to"] = "; ".join(entry.comparable_to)
    row["counted_by"] = definition_text(entry)
    return row


def areas_table(reference: Path, border_set: BorderSet = "date") -> pl.DataFrame:
    """One row per area: the region, counties, municipalities with validity, tile and go-live.

    Args:
        reference: Folder of the reference CSV files.
        border_set: The borders that history was cut to; its municipalities have always been.

    Raises:
        CatalogueError: Municipalities of those borders are not among the reference facts.
    """
    municipalities = read_reference(reference, "municipalities")
    if border_set != "date":
        municipalities = _always(municipalities, codes_of(reference, border_set), border_set)
    go_live = (
        read_reference(reference, "go_live")
        .filter(pl.col("service") == "municipal_care")
        .select(
            "municipality_code",
            "go_live_on",
            pl.when(pl.col("status") == "planned")
            .then(pl.lit("planned"))
            .otherwise(pl.col("certainty"))
            .alias("go_live_certainty"),
        )
    )
    tiles = read_reference(reference, "tile_map").select(
        "municipality_code", "tile_row", "tile_col"
    )
    rows = (
        municipalities.join(go_live, on="municipality_code", how="left")
        .join(tiles, on="municipality_code", how="left")
        .select(
            pl.col("municipality_code").alias("area_code"),
            pl.lit("municipality").alias("area_level"),
            "name",
            "official_name",
            "county",
            "valid_from",
            "valid_to",
            "lat",
            "lon",
            "tile_row",
            "tile_col",
            "language",
            pl.coalesce(
                "population_2026", "population_2025", "population_2024", "population_2023"
            ).alias("population"),
            "go_live_on",
            "go_live_certainty",
        )
    )
    region = pl.DataFrame(
        {
            "area_code": [REGION],
            "area_level": ["region"],
            "name": [REGION_NAME],
            "official_name": [REGION_NAME],
            "language": ["nb"],
            "population": [rows.filter(pl.col("valid_to").is_null())["population"].sum()],
        }
    )
    counties = _counties(reference, rows)
    every = pl.concat([region, counties, rows], how="diagonal_relaxed")
    return every.select(rows.columns).sort("area_code")


def _counties(reference: Path, towns: pl.DataFrame) -> pl.DataFrame:
    """The counties that the region holds whole, with the inhabitants of their municipalities."""
    inhabitants = (
        towns.filter(pl.col("valid_to").is_null())
        .join(county_members(reference), left_on="area_code", right_on="municipality_code")
        .group_by("county_code")
        .agg(pl.col("population").sum())
    )
    return (
        read_reference(reference, "counties")
        .join(inhabitants, on="county_code")
        .select(
            "name",
            "official_name",
            "language",
            "population",
            area_code="county_code",
            area_level=pl.lit("county"),
            county="name",
        )
    )


def _always(
    municipalities: pl.DataFrame, codes: pl.DataFrame, border_set: BorderSet
) -> pl.DataFrame:
    known = municipalities.join(codes, on="municipality_code", how="semi")
    if lacking := codes.height - known.height:
        raise CatalogueError(
            f"municipalities.csv: expected every municipality of {border_set}, got none for "
            f"{lacking} of {codes.height}: without a name nothing is published of them. Set "
            "FOLKEPULS_BORDER_SET to 2020, 2024 or date."
        )
    return known.with_columns(
        pl.lit(None, pl.Date).alias(name) for name in ("valid_from", "valid_to")
    )


def coverage_table(reference: Path) -> pl.DataFrame:
    """One row per area, service and spell, live and planned, with how certain it is.

    Args:
        reference: Folder of the reference CSV files.
    """
    municipal = read_reference(reference, "go_live").select(
        pl.col("municipality_code").alias("area_code"),
        "service",
        pl.col("go_live_on").alias("valid_from"),
        pl.lit(None, dtype=pl.Date).alias("valid_to"),
        pl.lit(1.0).alias("share"),
        "status",
        "certainty",
        "calendar_version",
    )
    hospitals = (
        read_reference(reference, "hospitals")
        .filter(pl.col("go_live_on").is_not_null())
        .select("hospital_code", "go_live_on", "status", "calendar_version")
    )
    hospital = (
        read_reference(reference, "catchment")
        .filter(pl.col("share") > 0)
        .join(hospitals, on="hospital_code")
        .sort("municipality_code", "go_live_on")
        .select(
            pl.col("municipality_code").alias("area_code"),
            pl.lit("hospital").alias("service"),
            pl.col("go_live_on").alias("valid_from"),
            pl.col("go_live_on").shift(-1).over("municipality_code").alias("valid_to"),
            pl.col("share").cum_sum().over("municipality_code").round(6).alias("share"),
            "status",
            pl.lit("assumed").alias("certainty"),
            "calendar_version",
        )
    )
    return pl.concat([municipal, hospital]).sort("area_code", "service", "valid_from")
