"""A believable published release, written where a test or a screenshot wants it.

Belongs here: tables of the published contract for all 68 areas, every status among them.
Does not belong here: indicator texts (``published_indicators.py``), and any figure that is
meant as true. Deterministic: the same call writes the same tables.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from tests.support.published_indicators import FACTS, indicators
from tests.support.published_parts import (
    area_groups,
    breakdowns,
    caveats,
    comparisons,
    coverage,
    in_languages,
    like_for_like,
    months,
    population,
    splits,
)

REFERENCE = Path(__file__).resolve().parents[2] / "data" / "reference"
RELEASE_ID = "r-2025-12-31-5f3c1a9e"
YEARS = (2023, 2024, 2025)
REGION = "MIDT"
MISSING_AREA = "5026"
NOT_APPLICABLE_AREA = "5052"
ASSUMED_AREA = "3430"


def areas() -> pl.DataFrame:
    """The ``areas`` table: 68 municipality codes, two counties and the region."""
    tiles = pl.read_csv(REFERENCE / "tile_map.csv", schema_overrides={"municipality_code": str})
    live = (
        pl.read_csv(REFERENCE / "go_live.csv", schema_overrides={"municipality_code": str})
        .filter(pl.col("service") == "municipal_care")
        .select(
            "municipality_code",
            pl.col("go_live_on").cast(pl.String).str.to_date(strict=False),
            go_live_certainty=pl.when(pl.col("status") != "live")
            .then(pl.lit("planned"))
            .when(pl.col("municipality_code") == ASSUMED_AREA)
            .then(pl.lit("assumed"))
            .otherwise(pl.lit("confirmed")),
        )
    )
    people = pl.read_csv(
        REFERENCE / "municipalities.csv",
        schema_overrides={"municipality_code": str},
        try_parse_dates=True,
    )
    population = pl.coalesce("population_2026", "population_2023").cast(pl.Int64)
    towns = (
        people.join(tiles, on="municipality_code")
        .join(live, on="municipality_code", how="left")
        .select(
            area_code="municipality_code",
            area_level=pl.lit("municipality"),
            name="name",
            official_name="official_name",
            county="county",
            valid_from="valid_from",
            valid_to="valid_to",
            lat="lat",
            lon="lon",
            tile_row=pl.col("tile_row").cast(pl.Int64),
            tile_col=pl.col("tile_col").cast(pl.Int64),
            language="language",
            population=population,
            go_live_on="go_live_on",
            go_live_certainty="go_live_certainty",
        )
    )
    region = pl.DataFrame(
        {
            "area_code": [REGION],
            "area_level": ["region"],
            "name": ["Midt-Norge"],
            "official_name": ["Midt-Norge"],
            "language": ["nb"],
            "population": [towns.filter(pl.col("valid_to").is_null())["population"].sum()],
        }
    )
    living = towns.filter(pl.col("valid_to").is_null()).group_by("county")
    counties = pl.DataFrame(
        {
            "area_code": ["15", "50"],
            "area_level": ["county", "county"],
            "name": ["Møre og Romsdal", "Trøndelag"],
            "official_name": ["Møre og Romsdal", "Trøndelag – Trööndelage"],
            "language": ["nn", "nb"],
            "county": ["Møre og Romsdal", "Trøndelag"],
        }
    ).join(living.agg(pl.col("population").sum()), on="county", maintain_order="left")
    return pl.concat([towns, counties, region], how="diagonal")


def _noise(*columns: str) -> pl.Expr:
    """A number in [-1, 1) that depends on the columns alone."""
    key = pl.concat_str([pl.col(c).cast(pl.String) for c in columns], separator="|")
    return (key.hash(seed=17) % 20_000).cast(pl.Float64) / 10_000 - 1


def _facts() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "indicator_id": f.id,
                "unit": f.unit,
                "multiplier": f.multiplier,
                "decimals": f.decimals,
                "public_denominator": f.public_denominator,
                "level": f.level,
                "population_share": f.population_share,
                "service": f.service,
                "value_kind": f.kinds.split(","),
                "age_group": ["total", *(g for g in f.groups.split(",") if g)],
                "sex": ["total", "female", "male"] if f.strata else ["total"],
            }
            for f in FACTS
        ]
    )


def _cells() -> pl.DataFrame:
    """Every cell that the release has a row for, with its denominator."""
    years = pl.DataFrame({"year": YEARS})
    grid = _facts().explode("value_kind").explode("age_group").explode("sex")
    standard = (pl.col("value_kind") == "crude") | (
        (pl.col("age_group") == "total") & (pl.col("sex") == "total")
    )
    covered = areas().join(years, how="cross").filter(
        pl.col("valid_from").is_null() | (pl.col("valid_from").dt.year() <= pl.col("year")),
        pl.col("valid_to").is_null() | (pl.col("valid_to").dt.year() >= pl.col("year")),
    )  # fmt: skip
    town = (pl.col("area_level") == "municipality").cast(pl.Float64)
    part = pl.when(pl.col("sex") == "total").then(1.0).otherwise(0.5) * (
        pl.when(pl.col("age_group") == "total").then(1.0).otherwise(0.24)
    )
    own = pl.col("area_level") != "county"
    whole = (pl.col("sex") == "total") & (pl.col("age_group") == "total")
    summed = whole & pl.col("value_kind").is_in(["crude", "indirect"])
    return (
        grid.filter(standard)
        .join(covered, how="cross")
        .filter(own | summed)
        .with_columns(
            denominator=(pl.col("population") / 10 * pl.col("population_share") * part).round(),
            rate=pl.col("level")
            * (1 + town * 0.3 * _noise("indicator_id", "area_code"))
            * (1 + 0.05 * _noise("indicator_id", "area_code", "year", "sex", "age_group")),
        )
        .with_columns(
            numerator=(pl.col("denominator") * pl.col("rate") / pl.col("multiplier")).round()
        )
    )


def _status() -> pl.Expr:
    live = (pl.col("go_live_certainty") != "planned") & (
        pl.col("go_live_on").dt.year() <= pl.col("year")
    )
    numerator, denominator = pl.col("numerator"), pl.col("denominator")
    few = numerator.is_between(1, 4) | (
        (pl.col("multiplier") == 100) & (denominator - numerator).is_between(1, 4)
    )
    tiny = ~pl.col("public_denominator") & denominator.is_between(1, 4)
    elsewhere = (pl.col("indicator_id") == "readmission_30_days_67plus") & (
        pl.col("area_code") == NOT_APPLICABLE_AREA
    )
    town = pl.col("area_level") == "municipality"
    standard = pl.col("value_kind") != "crude"
    return (
        pl.when(town & ~live.fill_null(False) & (pl.col("service") != "hospital"))
        .then(pl.lit("not_covered|municipality_not_live"))
        .when(town & (pl.col("service") == "hospital") & (pl.col("area_code") == "1811"))
        .then(pl.lit("not_covered|service_not_covered"))
        .when((pl.col("area_code") == MISSING_AREA) & (pl.col("year") == YEARS[-1]))
        .then(pl.lit("missing|no_data"))
        .when(elsewhere)
        .then(pl.lit("not_applicable|not_defined_for_group"))
        .when(few | tiny | (denominator == 0))
        .then(pl.lit("suppressed|disclosure"))
        .when((numerator < 10) & standard)
        .then(pl.lit("unreliable|too_few_events"))
        .otherwise(pl.lit("ok|"))
    )


def _covered_share() -> pl.Expr:
    """Hospitals see nine tenths of 2024; the region's municipal services, six tenths."""
    hospital = pl.col("service") == "hospital"
    region = pl.col("area_level") == "region"
    return (
        pl.when(hospital & (pl.col("year") == 2024))
        .then(0.9)
        .when(region & ~hospital)
        .then(0.6)
        .otherwise(1.0)
    )


def indicator_values(planted_value: float | None = None) -> pl.DataFrame:
    """The long table.

    Args:
        planted_value: Put this number into the value columns of every suppressed row, as a
            faulty publication might; the pages must never let it through.
    """
    shown = pl.col("value_status") == "ok"
    rounded = pl.col("numerator") / pl.col("denominator").clip(1) * pl.col("multiplier")
    spread = pl.col("value") / pl.col("numerator").clip(1).sqrt() * 1.96
    hidden = pl.when(pl.col("value_status") == "suppressed").then(pl.lit(planted_value, pl.Float64))
    table = (
        _cells()
        .with_columns(status=_status())
        .with_columns(
            value_status=pl.col("status").str.split("|").list.first(),
            status_reason=pl.col("status").str.split("|").list.last().replace("", None),
            value=rounded.round(1),
            covered_share=_covered_share(),
        )
        .with_columns(
            lower_ci=(pl.col("value") - spread).clip(0), upper_ci=pl.col("value") + spread
        )
        .with_columns(
            pl.when(shown).then(pl.col(c)).otherwise(hidden).alias(c)
            for c in ("numerator", "value", "lower_ci", "upper_ci")
        )
        .with_columns(
            pl.when(shown | pl.col("public_denominator")).then(pl.col("denominator")),
            quality_flags=pl.when(shown & (pl.col("covered_share") < 0.95))
            .then(pl.lit("partial_coverage"))
            .otherwise(pl.lit("")),
        )
    )
    return table.select(
        "indicator_id",
        pl.lit(1, pl.Int64).alias("indicator_version"),
        "area_level",
        "area_code",
        pl.when(pl.col("year") < 2024)
        .then(pl.lit("2020"))
        .otherwise(pl.lit("2024"))
        .alias("border_set"),
        "sex",
        "age_group",
        pl.lit("total").alias("breakdown"),
        pl.lit("total").alias("breakdown_value"),
        pl.lit("year").alias("period_type"),
        pl.date(pl.col("year"), 1, 1).alias("period_start"),
        pl.date(pl.col("year"), 12, 31).alias("period_end"),
        "value_kind",
        "numerator",
        "denominator",
        "value",
        "lower_ci",
        "upper_ci",
        "unit",
        "value_status",
        "status_reason",
        pl.lit(None, pl.String).alias("merged_group_id"),
        "quality_flags",
        "covered_share",
        pl.lit(RELEASE_ID).alias("release_id"),
    )  # fmt: skip


def tables(
    *, synthetic: bool = True, planted_value: float | None = None
) -> dict[str, pl.DataFrame]:
    """All tables of a release by name."""
    years = indicator_values(planted_value)
    whole = pl.concat([years, months(years)])
    values = pl.concat([whole, splits(years)])
    breaks = pl.DataFrame(
        {
            "area_code": ["1508"],
            "service": ["*"],
            "break_on": [date(2024, 1, 1)],
            "kind": ["border"],
            **in_languages(
                "2024-01-01: Ålesund ble delt.",
                "2024-01-01: Ålesund vart delt.",
                "2024-01-01: Ålesund was divided.",
            ),
        },
        schema_overrides={"service": pl.String},
    )
    merged = pl.DataFrame(
        schema=dict.fromkeys(
            ("merged_group_id", "area_code", "label_nb", "label_nn", "label_en"), pl.String
        )
    )
    release = pl.DataFrame(
        {
            "release_id": [RELEASE_ID],
            "data_from": [date(YEARS[0], 1, 1)],
            "data_to": [date(YEARS[-1], 12, 31)],
            "transaction_time": ["2026-01-05T03:00:00+00:00"],
            "synthetic": [synthetic],
            "signed_by": ["Kari Nordmann"],
            "signed_on": ["2026-01-07"],
            "sign_reason": ["Kontrollert mot forrige år"],
            "code_version": ["0.1.0"],
            "supersedes": [None],
            "licence": ["CC BY 4.0"],
            "contact": ["statistikk@example.org"],
        },
        schema_overrides={"supersedes": pl.String},
    )
    return {
        "indicator_values": values,
        "indicators": indicators(),
        "areas": areas(),
        "coverage": coverage(areas()),
        "caveats": caveats(ASSUMED_AREA),
        "breaks": breaks,
        "comparisons": comparisons(whole),
        "like_for_like": like_for_like(years),
        "area_groups": area_groups(areas()),
        "breakdowns": breakdowns(),
        "population": population(areas(), YEARS),
        "merged_groups": merged,
        "release": release,
    }


def _certificate(values: pl.DataFrame) -> dict[str, object]:
    """What publication says of the audit, in its keys."""
    return {
        "release_id": RELEASE_ID,
        "policies": {"default": {"version": 1, "rules": {"threshold": 5}}},
        "systems_audited": 21,
        "cells_audited": 4120,
        "figures_by_status": dict(values.group_by("value_status").len().iter_rows()),
        "attacks": [
            {"attack": "feasible interval of every hidden cell", "succeeded": 0},
            {"attack": "exact recovery of a hidden cell", "succeeded": 0},
        ],
        "signed": {"name": "Kari Nordmann", "on": "2026-01-07", "reason": "Kontrollert"},
    }


def write_release(
    home: Path, *, synthetic: bool = True, planted_value: float | None = None
) -> Path:
    """Write a release under ``home/published`` and point ``current`` at it.

    Args:
        home: The data folder (``FOLKEPULS_HOME``).
        synthetic: Whether the release says that its figures are synthetic.
        planted_value: See ``indicator_values``.

    Returns:
        The folder of the release.
    """
    folder = home / "published" / RELEASE_ID
    folder.mkdir(parents=True)
    con = duckdb.connect(str(folder / "indicators.duckdb"))
    files = {}
    for name, frame in tables(synthetic=synthetic, planted_value=planted_value).items():
        path = folder / f"{name}.parquet"
        frame.write_parquet(path)
        files[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        con.register("frame", frame.to_arrow())
        con.execute(f"create table {name} as select * from frame")
        con.unregister("frame")
    con.close()
    (folder / "manifest.json").write_text(json.dumps({"release_id": RELEASE_ID, "files": files}))
    certificate = _certificate(pl.read_parquet(folder / "indicator_values.parquet"))
    (folder / "certificate.json").write_text(json.dumps(certificate))
    current = home / "published" / "current"
    current.unlink(missing_ok=True)
    current.symlink_to(RELEASE_ID)
    return folder
