"""Figures by value of a split, in the shape that figures of years have.

Belongs here: the exact counts of each indicator × area × year × value of a split, and their values.
Does not belong here: what a split is (``catalogue/breakdowns.yml``), equations (``system_parts``)
and protection (``protected_parts``). Splits are of all sexes and ages of an indicator together:
until its rows are published a value stands where the sex does, since it is to its year what a sex
is (``docs/decisions/0031-splits-beside-their-year.md``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from pipelines.catalogue.breakdowns import Breakdown, asked_values
from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import (
    AREA,
    COUNT_TYPES,
    COUNTS,
    FIGURE,
    PERIOD,
    SUMMED,
    TOTAL,
    Marts,
)
from pipelines.publication.rates import KEY, finished
from pipelines.publication.unrounded import CRUDE, crude_values

_OF = "="
"""Between a split and its value."""


def of_split(name: str) -> pl.Expr:
    """Whether a row of ``split_figures`` is of a split."""
    return pl.col("sex").str.starts_with(name + _OF)


def _part() -> pl.Expr:
    return pl.concat_str("breakdown", "breakdown_value", separator=_OF)


def split_figures(
    marts: Marts,
    specs: Sequence[Indicator],
    breakdowns: Mapping[str, Breakdown],
    counted: pl.DataFrame,
) -> pl.DataFrame:
    """Every figure by value of a split with its exact counts.

    Args:
        marts: The marts.
        specs: Indicators to publish.
        breakdowns: The splits by id.
        counted: ``figures.figures(marts, specs)``.

    Returns:
        Rows and columns as of ``figures.figures``, one per indicator, area and year that it lists
        and value of a split (in ``sex``, as ``split=value``), and ``counted``: as exact. Coverage
        is that of the year.
    """
    asked = asked_values(breakdowns, specs).select("indicator_id", sex=_part())
    whole = (pl.col("sex") == TOTAL) & (pl.col("age_group") == TOTAL)
    years = counted.filter(whole, ~pl.col("area_level").is_in(SUMMED)).drop("sex", *COUNTS)
    keys = years.join(asked, on="indicator_id").with_columns(counted="exact")
    if keys.is_empty() or marts.breakdown_counts.is_empty():
        return keys.clear().with_columns(
            pl.lit(None, dtype=kind).alias(name) for name, kind in COUNT_TYPES.items()
        )
    counts = marts.breakdown_counts.select(
        pl.col("indicator_id", *AREA).cast(pl.String),
        _part().alias("sex"),
        pl.col(*PERIOD).cast(pl.Date),
        *(pl.col(name).cast(kind) for name, kind in COUNT_TYPES.items()),
    )
    joined = keys.join(counts, on=["indicator_id", *AREA, "sex", *PERIOD], how="left")
    # No row of the mart is a count of nothing; who provides is told by indicator.
    told = pl.col("providers").is_not_null().any().over("indicator_id")
    zeros = [
        pl.when(pl.col("exact") & (told if name == "providers" else True)).then(
            pl.col(name).fill_null(0)
        )
        for name in COUNTS
    ]
    return joined.with_columns(zeros).sort(FIGURE)


def split_values(
    splits: pl.DataFrame, specs: Sequence[Indicator], shown: pl.DataFrame, release_id: str
) -> pl.DataFrame:
    """Rows of ``indicator_values`` by value of a split: the crude value alone.

    Args:
        splits: ``split_figures``.
        specs: Indicators to publish.
        shown: Verdict per figure: the keys of ``figures.FIGURE`` and shown (boolean).
        release_id: The release.

    Returns:
        Rows as of ``rates.indicator_values``, with ``breakdown`` and ``breakdown_value``.
    """
    chosen = [spec for spec in specs if spec.breakdowns]
    values = crude_values(splits.filter("exact"), chosen)
    kinds = splits.select("indicator_id").unique().with_columns(value_kind=pl.lit(CRUDE))
    rows = finished(splits.drop("counted"), values, chosen, kinds, shown, None, release_id)
    return with_parts(rows).sort(KEY)


def with_parts(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with ``breakdown`` and ``breakdown_value``: a split's where it stands for the sex."""
    parts = pl.col("sex").str.splitn(_OF, 2).struct
    split = parts.field("field_1").is_not_null()
    return rows.with_columns(
        breakdown=pl.when(split).then(parts.field("field_0")).otherwise(pl.lit(TOTAL)),
        breakdown_value=parts.field("field_1").fill_null(TOTAL),
        sex=pl.when(split).then(pl.lit(TOTAL)).otherwise("sex"),
    )


def as_parts(values: pl.DataFrame) -> pl.DataFrame:
    """Published rows by value of a split with the value where the sex is, as ``split_figures``."""
    return values.filter(pl.col("breakdown") != TOTAL).with_columns(sex=_part())
