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

REFERENCE = Path(__file__).resolve().parents[2] / "data" / "reference"
RELEASE_ID = "r-2025-12-31-5f3c1a9e"
YEARS = (2023, 2024, 2025)
REGION = "MIDT"
MISSING_AREA = "5026"
UNRELIABLE_AREA = "3430"


def areas() -> pl.DataFrame:
    """The ``areas`` table: 68 municipality codes and the region."""
    tiles = pl.read_csv(REFERENCE / "tile_map.csv", schema_overrides={"municipality_code": str})
    live = (
        pl.read_csv(REFERENCE / "go_live.csv", schema_overrides={"municipality_code": str})
        .filter(pl.col("service") == "municipal_care")
        .select(
            "municipality_code",
            pl.col("go_live_on").cast(pl.String).str.to_date(strict=False),
            go_live_certainty=pl.when(pl.col("status") == "live")
            .then(pl.lit("confirmed"))
            .otherwise(pl.lit("planned")),
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
            valid_from=pl.col("valid_from").fill_null(date(2018, 1, 1)),
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
            "valid_from": [date(2018, 1, 1)],
            "language": ["nb"],
            "population": [towns.filter(pl.col("valid_to").is_null())["population"].sum()],
        }
    )
    return pl.concat([towns, region], how="diagonal")


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
        pl.col("valid_from").dt.year() <= pl.col("year"),
        pl.col("valid_to").is_null() | (pl.col("valid_to").dt.year() >= pl.col("year")),
    )  # fmt: skip
    town = (pl.col("area_level") == "municipality").cast(pl.Float64)
    part = pl.when(pl.col("sex") == "total").then(1.0).otherwise(0.5) * (
        pl.when(pl.col("age_group") == "total").then(1.0).otherwise(0.24)
    )
    return (
        grid.filter(standard)
        .join(covered, how="cross")
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
    live = (pl.col("go_live_certainty") == "confirmed") & (
        pl.col("go_live_on").dt.year() <= pl.col("year")
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
        .when(town & (pl.col("numerator") < 10) & standard)
        .then(pl.lit("not_applicable|too_few_events"))
        .when(town & (pl.col("numerator") < 5))
        .then(pl.lit("suppressed|disclosure"))
        .when(pl.col("area_code") == UNRELIABLE_AREA)
        .then(pl.lit("unreliable|"))
        .otherwise(pl.lit("ok|"))
    )


def indicator_values(planted_value: float | None = None) -> pl.DataFrame:
    """The long table.

    Args:
        planted_value: Put this number into the value columns of every suppressed row, as a
            faulty publication might; the pages must never let it through.
    """
    shown = pl.col("value_status").is_in(["ok", "unreliable"])
    spread = pl.col("value") / pl.col("numerator").clip(1).sqrt() * 1.96
    hidden = pl.when(pl.col("value_status") == "suppressed").then(pl.lit(planted_value, pl.Float64))
    table = (
        _cells()
        .with_columns(status=_status())
        .with_columns(
            value_status=pl.col("status").str.split("|").list.first(),
            status_reason=pl.col("status").str.split("|").list.last().replace("", None),
            value=pl.col("numerator") / pl.col("denominator").clip(1) * pl.col("multiplier"),
            flagged=(pl.col("service") == "hospital") & (pl.col("year") == 2024),
        )
        .with_columns(
            lower_ci=(pl.col("value") - spread).clip(0), upper_ci=pl.col("value") + spread
        )
        .with_columns(
            pl.when(shown).then(pl.col(c)).otherwise(hidden).alias(c)
            for c in ("numerator", "value", "lower_ci", "upper_ci")
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
        pl.when("flagged").then(pl.lit("partial_coverage")).otherwise(pl.lit("")).alias("quality_flags"),
        pl.when("flagged").then(0.9).otherwise(1.0).alias("covered_share"),
        pl.lit(RELEASE_ID).alias("release_id"),
    )  # fmt: skip


def comparisons(values: pl.DataFrame) -> pl.DataFrame:
    """Each municipality's figure against the region's, with rank and funnel limits."""
    key = ["indicator_id", "period_start", "sex", "age_group", "value_kind"]
    region = values.filter(pl.col("area_level") == "region").select(*key, region_value="value")
    towns = values.filter(pl.col("area_level") == "municipality").join(region, on=key, how="left")
    half = pl.col("region_value") / pl.col("denominator").clip(5).sqrt() * 3
    side = (
        pl.when(pl.col("value").is_null())
        .then(pl.lit("not_compared"))
        .when(pl.col("lower_ci") > pl.col("region_value"))
        .then(pl.lit("higher"))
        .when(pl.col("upper_ci") < pl.col("region_value"))
        .then(pl.lit("lower"))
        .otherwise(pl.lit("similar"))
    )
    return towns.select(
        "indicator_id",
        "area_code",
        "period_start",
        "sex",
        "age_group",
        "value_kind",
        pl.col("value").rank("min", descending=True).over(key).cast(pl.Int64).alias("rank"),
        pl.col("value").count().over(key).cast(pl.Int64).alias("rank_of"),
        side.alias("versus_region"),
        "region_value",
        (pl.col("region_value") - half).clip(0).alias("funnel_lower_95"),
        (pl.col("region_value") + half).alias("funnel_upper_95"),
        (pl.col("region_value") - half * 1.577).clip(0).alias("funnel_lower_998"),
        (pl.col("region_value") + half * 1.577).alias("funnel_upper_998"),
        pl.lit(None, pl.String).alias("peer_group"),
    )


def _coverage() -> pl.DataFrame:
    live = areas().filter(pl.col("go_live_on").is_not_null())
    planned = pl.col("go_live_certainty") != "confirmed"
    return live.select(
        "area_code",
        pl.lit("municipal_care").alias("service"),
        pl.col("go_live_on").alias("valid_from"),
        pl.lit(None, pl.Date).alias("valid_to"),
        pl.lit(1.0).alias("share"),
        pl.when(planned).then(pl.lit("planned")).otherwise(pl.lit("live")).alias("status"),
        pl.col("go_live_certainty").alias("certainty"),
        pl.lit("2024-1").alias("calendar_version"),
    )


def _texts(nb: str, nn: str, en: str) -> dict[str, list[str]]:
    return {"text_nb": [nb], "text_nn": [nn], "text_en": [en]}


def tables(
    *, synthetic: bool = True, planted_value: float | None = None
) -> dict[str, pl.DataFrame]:
    """All tables of a release by name."""
    values = indicator_values(planted_value)
    caveats = pl.DataFrame(
        {
            "indicator_id": ["emergency_admissions_per_1000"],
            "area_code": ["*"],
            "period_start": [None],
            "caveat_id": ["border_hospitals"],
            **_texts(
                "Innleggelser ved sykehus utenfor regionen er ikke med.",
                "Innleggingar ved sjukehus utanfor regionen er ikkje med.",
                "Stays in hospitals outside the region are not included.",
            ),
        },
        schema_overrides={"period_start": pl.Date},
    )
    breaks = pl.DataFrame(
        {
            "area_code": ["1508"],
            "service": [None],
            "break_on": [date(2024, 1, 1)],
            "kind": ["border"],
            **_texts("Ålesund ble delt.", "Ålesund vart delt.", "Ålesund was divided."),
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
        "coverage": _coverage(),
        "caveats": caveats,
        "breaks": breaks,
        "comparisons": comparisons(values),
        "merged_groups": merged,
        "release": release,
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
    (folder / "certificate.json").write_text(
        json.dumps(
            {
                "release_id": RELEASE_ID,
                "audit": {
                    "hidden": 412,
                    "narrowest": 6.0,
                    "width_required": 5.0,
                    "ok": True,
                    "determined": 0,
                },
            }
        )
    )
    current = home / "published" / "current"
    current.unlink(missing_ok=True)
    current.symlink_to(RELEASE_ID)
    return folder
