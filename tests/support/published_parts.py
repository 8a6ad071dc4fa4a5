"""Tables of a believable release that stand beside its yearly figures: comparisons, months, notes.

Belongs here: what ``published_release.py`` adds to its yearly figures. Does not belong here: those
figures, writing a release.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from pipelines.catalogue.breakdowns import breakdowns_table
from pipelines.catalogue.loader import catalogue
from pipelines.publication.like_for_like import COLUMNS, KEY
from pipelines.publication.population import SCHEMA
from tests.support.published_indicators import indicators


def comparisons(values: pl.DataFrame) -> pl.DataFrame:
    """Each municipality's figure against the region's, with rank and funnel limits."""
    key = ["indicator_id", "period_type", "period_start", "sex", "age_group", "value_kind"]
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
        "period_type",
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
        pl.lit("size:all").alias("peer_group"),
        pl.col("value").count().over(key).cast(pl.Int32).alias("peer_count"),
        pl.col("value").median().over(key).alias("peer_median"),
    )


def months(values: pl.DataFrame) -> pl.DataFrame:
    """The last year of days ready for discharge once more by month, hidden in every third one."""
    start = values["period_start"].max()
    year = values.filter(
        pl.col("indicator_id") == "ready_for_discharge_days_per_1000",
        pl.col("value_kind") == "crude",
        pl.col("sex") == "total",
        pl.col("age_group") == "total",
        pl.col("period_start") == start,
        pl.col("area_level") != "county",
    )
    number = pl.DataFrame({"month": list(range(1, 13))})
    rows = year.join(number, how="cross")
    towns = pl.col("area_level") == "municipality"
    hidden = towns & (pl.col("month") % 3 == 0) & (pl.col("value_status") == "ok")
    numerator = (pl.col("numerator") / 12 * (0.8 + 0.03 * pl.col("month"))).round()
    denominator = (pl.col("denominator") / 12).round(1)
    value = (1000 * numerator / denominator).round(1)
    shown = ~hidden & ~(towns & (numerator < 20)) & (pl.col("value_status") == "ok")
    was_ok = pl.col("value_status") == "ok"
    first = pl.date(start.year, pl.col("month"), 1)
    return rows.with_columns(
        pl.when(shown).then(value).alias("value"),
        pl.when(shown).then((value * 0.9).round(1)).alias("lower_ci"),
        pl.when(shown).then((value * 1.1).round(1)).alias("upper_ci"),
        pl.when(shown).then(numerator).alias("numerator"),
        pl.when(shown).then(denominator).otherwise("denominator").alias("denominator"),
        pl.when(was_ok & ~shown)
        .then(pl.lit("suppressed"))
        .otherwise("value_status")
        .alias("value_status"),
        pl.when(was_ok & ~shown)
        .then(pl.lit("disclosure"))
        .otherwise("status_reason")
        .alias("status_reason"),
        pl.lit("month").alias("period_type"),
        first.alias("period_start"),
        first.dt.month_end().alias("period_end"),
    ).drop("month")


SPLIT = {
    "structured_documentation_share": ("service",),
    "documented_same_day_share": ("service", "device"),
}
"""Indicators of the release that are published by a split, if it has them."""
SMALL_PART = 400
"""Entries are many: below this many a part is hidden here, so that there are some."""
_SHARES = {"home_care": 0.5, "nursing_home": 0.3, "emergency": 0.2, "unknown": 0.0,
           "mobile": 0.4, "workstation": 0.5}  # fmt: skip


def splits(years: pl.DataFrame) -> pl.DataFrame:
    """Shares of the yearly figures by service and device; small ones are hidden.

    Nobody leaves the service unsaid, and one in ten the device.
    """
    known = breakdowns()
    asked = pl.DataFrame(
        [(one, split) for one, names in SPLIT.items() for split in names],
        schema=["indicator_id", "breakdown"],
        orient="row",
    )
    parts = asked.join(known.select("breakdown", "breakdown_value"), on="breakdown").with_columns(
        share=pl.when((pl.col("breakdown") == "device") & (pl.col("breakdown_value") == "unknown"))
        .then(0.1)
        .otherwise(pl.col("breakdown_value").replace_strict(_SHARES, default=0.0))
    )
    own = years.filter(pl.col("area_level") != "county")
    rows = own.drop("breakdown", "breakdown_value").join(parts, on="indicator_id")
    counts = ("numerator", "denominator")
    rows = rows.with_columns(
        (pl.col(name) * pl.col("share")).round().alias(name) for name in counts
    )
    covered = pl.col("value_status").is_in(["ok", "suppressed"])
    none, few = pl.col("share") == 0, pl.col("numerator").fill_null(0) < SMALL_PART
    status = (
        pl.when(~covered)
        .then(pl.concat_str("value_status", "status_reason", separator="|"))
        .when(none)
        .then(pl.lit("missing|no_data"))
        .when(few)
        .then(pl.lit("suppressed|disclosure"))
        .otherwise(pl.lit("ok|"))
    )
    rows = rows.with_columns(status=status.str.split("|")).with_columns(
        value_status=pl.col("status").list.first(),
        status_reason=pl.col("status").list.last().replace("", None),
        value=(100 * pl.col("numerator") / pl.col("denominator")).round(1),
    )
    shown = pl.col("value_status") == "ok"
    limits = {"value": 1.0, "lower_ci": 0.9, "upper_ci": 1.1}
    return rows.with_columns(
        *(pl.when(shown).then(pl.col(name)).alias(name) for name in counts),
        *(pl.when(shown).then((pl.col("value") * by).round(1)).alias(name)
          for name, by in limits.items()),
    ).select(years.columns)  # fmt: skip


def breakdowns() -> pl.DataFrame:
    """The names of splits and of their values, as published."""
    return breakdowns_table(catalogue().breakdowns)


def area_groups(areas: pl.DataFrame) -> pl.DataFrame:
    """Every municipality of this small region in one group of each kind that it has."""
    towns = areas.filter(pl.col("area_level") == "municipality")
    kinds = pl.DataFrame({"group_kind": ["county", "size"]})
    texts = {"nb": "Gruppe", "nn": "Gruppe", "en": "Group"}
    return (
        towns.select("area_code", "county")
        .join(kinds, how="cross")
        .with_columns(
            pl.when(pl.col("group_kind") == "size")
            .then(pl.lit("all"))
            .otherwise("county")
            .alias("group")
        )
        .select(
            "area_code",
            "group_kind",
            pl.concat_str("group_kind", "group", separator=":").alias("group_id"),
            *(pl.lit(f"{text} ({one})").alias(f"kind_text_{one}") for one, text in texts.items()),
            *(pl.col("group").alias(f"label_{one}") for one in texts),
        )
    )


def population(areas: pl.DataFrame, years: Sequence[int]) -> pl.DataFrame:
    """Inhabitants by sex and age, older every year; of one municipality a group is not known."""
    people = areas.filter(pl.col("area_level") != "county").select("area_level", "area_code")
    days = pl.DataFrame({"on_date": [date(year, 12, 31) for year in years]})
    ages = pl.DataFrame({"age_from": list(range(0, 100, 5))})
    sexes = pl.DataFrame({"sex": ["female", "male"]})
    whole = people.join(days, how="cross").join(sexes, how="cross").join(ages, how="cross")
    size = pl.when(pl.col("area_level") == "region").then(3000).otherwise(100)
    grown = size - pl.col("age_from") // 2 + (pl.col("on_date").dt.year() - 2023) * 3
    unknown = (pl.col("area_code") == "1577") & (pl.col("age_from") == 40)
    return whole.with_columns(
        age_group=pl.when(pl.col("age_from") == 95)
        .then(pl.lit("95+"))
        .otherwise(pl.format("{}-{}", "age_from", pl.col("age_from") + 4)),
        value=pl.when(~unknown).then(grown).cast(pl.Int64),
        value_status=pl.when(unknown).then(pl.lit("missing")).otherwise(pl.lit("ok")),
    ).select(list(SCHEMA))


def like_for_like(values: pl.DataFrame) -> pl.DataFrame:
    """Every two years of an indicator over the municipalities that are shown in both."""
    crude = values.filter(
        pl.col("area_level") == "municipality",
        pl.col("value_kind") == "crude",
        pl.col("sex") == "total",
        pl.col("age_group") == "total",
        pl.col("value_status") != "not_covered",
    ).select("indicator_id", "area_code", "period_start", "numerator", "denominator",
             shown=pl.col("value_status") == "ok")  # fmt: skip
    earlier = crude.rename(
        {name: f"earlier_{name}" for name in ("numerator", "denominator", "shown")}
        | {"period_start": "earlier_start"}
    )
    pairs = crude.join(earlier, on=["indicator_id", "area_code"]).filter(
        pl.col("earlier_start") < pl.col("period_start")
    )
    both = pl.col("shown") & pl.col("earlier_shown")
    sides = ("earlier_", "")
    counts = [f"{side}{name}" for side in sides for name in ("numerator", "denominator")]
    summed = pairs.group_by("indicator_id", "earlier_start", "period_start").agg(
        pl.len().cast(pl.Int32).alias("areas_live"),
        both.sum().cast(pl.Int32).alias("areas"),
        pl.col("area_code").filter(both).sort().str.join("+").alias("area_codes"),
        *(pl.col(name).filter(both).sum() for name in counts),
    )
    sized = summed.join(indicators().select("indicator_id", "multiplier"), on="indicator_id")
    estimated = sized.with_columns(
        (pl.col("multiplier") * pl.col(f"{side}numerator") / pl.col(f"{side}denominator"))
        .round(1)
        .alias(f"{side}value")
        for side in sides
    ).with_columns(
        (pl.col(f"{side}value") * share).round(1).alias(f"{side}{limit}")
        for side in sides
        for limit, share in (("lower_ci", 0.99), ("upper_ci", 1.01))
    )
    change = (
        pl.when(pl.col("lower_ci") > pl.col("earlier_upper_ci"))
        .then(pl.lit("higher"))
        .when(pl.col("upper_ci") < pl.col("earlier_lower_ci"))
        .then(pl.lit("lower"))
        .otherwise(pl.lit("similar"))
    )
    return estimated.with_columns(change=change).select(COLUMNS).sort(KEY)


def coverage(areas: pl.DataFrame) -> pl.DataFrame:
    """Each live or planned municipality's care, from its day on."""
    live = areas.filter(pl.col("go_live_on").is_not_null())
    planned = pl.col("go_live_certainty") == "planned"
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


def in_languages(nb: str, nn: str, en: str) -> dict[str, list[str]]:
    """The columns of one text."""
    return {"text_nb": [nb], "text_nn": [nn], "text_en": [en]}


def caveats(assumed_area: str) -> pl.DataFrame:
    """One caveat of all areas, and one of a single area that holds for two indicators."""
    common = in_languages(
        "Innleggelser ved sykehus utenfor regionen er ikke med.",
        "Innleggingar ved sjukehus utanfor regionen er ikkje med.",
        "Stays in hospitals outside the region are not included.",
    )
    own = in_languages(
        "Oppstartsdagen er antatt.", "Oppstartsdagen er anteken.", "The first day is assumed."
    )
    rows = [
        ("emergency_admissions_per_1000", "*", "border_hospitals", common),
        ("emergency_admissions_per_1000", assumed_area, "go_live_day_assumed", own),
        ("portal_active_users_share", assumed_area, "go_live_day_assumed", own),
    ]
    return pl.concat(
        pl.DataFrame(
            {
                "indicator_id": [indicator_id],
                "area_code": [area_code],
                "period_start": [None],
                "caveat_id": [caveat_id],
                **texts,
            },
            schema_overrides={"period_start": pl.Date},
        )
        for indicator_id, area_code, caveat_id, texts in rows
    )
