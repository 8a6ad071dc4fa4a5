"""What can be counted from a generalised table: persons behind a label, indicators with a bias.

Belongs here: the public population by the labels of a table, and the bias an indicator would get if
it were computed from the table. Does not belong here: making the table (``microdata_tables``), what
is done with the figures.

Whoever counts from generalised rows has to place them: a row that reads "county 50, 60-69" may be
anywhere in the county that has no finer label of its own. It is spread over the municipalities and
ages that got its label, in proportion to the public population there; without a population, evenly.
An inhabitant is behind one label only: labels of local recoding lie inside each other, and who
counted an inhabitant behind each would find every crowd larger, and every risk smaller, than it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.catalogue.loader import Catalogue
from pipelines.catalogue.model import Indicator
from pipelines.publication.microdata_rules import MicrodataTable

PUBLIC = ("year", "municipality_code", "sex", "age")
"""What the population register counts persons by."""
REGION = "*"
_AREA, _AGE = "municipality_code", "age"


@dataclass(frozen=True)
class Spread:
    """The population behind each label of a table.

    Attributes:
        by: The quasi-identifiers that the register has.
        cells: One row per combination of labels in the table and public cell that it covers: the
            labels under their columns' names, ``cell_<column>``, and ``persons``.
        is_public: Whether ``persons`` are the register's, and not one for each cell.
    """

    by: tuple[str, ...]
    cells: pl.DataFrame
    is_public: bool

    def persons(self, like: pl.DataFrame) -> pl.DataFrame:
        """The population by labels, as ``assess`` takes it.

        Args:
            like: The table, for the types of its columns.
        """
        counted = self.cells.group_by(self.by).agg(pl.col("persons").sum())
        return counted.cast({name: like.schema[name] for name in self.by})

    def shares(self, indicator: Indicator) -> pl.DataFrame:
        """Which part of a row with some labels lies in each municipality and the indicator's ages.

        Args:
            indicator: Its ages count.

        Returns:
            One row per combination of labels and municipality: ``area_code`` and ``share``, 0 to 1.
        """
        ages = pl.col(f"cell_{_AGE}").cast(pl.Int64)
        inside = ages.is_between(indicator.ages.min, indicator.age_max)
        # Labels that nobody public is behind are spread evenly.
        cells = self.cells.with_columns(
            weight=pl.when(pl.col("persons").sum().over(self.by) > 0)
            .then(pl.col("persons"))
            .otherwise(1)
            .cast(pl.Float64)
        )
        return (
            cells.with_columns(whole=pl.col("weight").sum().over(self.by))
            .filter(inside)
            .group_by(*self.by, f"cell_{_AREA}")
            .agg(share=pl.col("weight").sum() / pl.col("whole").first())
            .rename({f"cell_{_AREA}": "area_code"})
        )


def spread(table: MicrodataTable, labels: pl.DataFrame, population: pl.DataFrame | None) -> Spread:
    """The population behind each label of a table.

    Args:
        table: Names its quasi-identifiers.
        labels: Which label each value got, as the door tells. Inhabitants of a municipality, sex
            and age that no row of the table has are behind no label.
        population: Public persons by ``PUBLIC``, with ``persons``.
    """
    by = tuple(name for name in PUBLIC if name in table.quasi_identifiers)
    keys = [f"cell_{name}" for name in by]
    cells = labels.select(_text(labels, [*by, *keys])).unique()
    if population is None:
        return Spread(by, cells.with_columns(persons=pl.lit(1, pl.Int64)), is_public=False)
    public = population.select(
        *(text.alias(f"cell_{name}") for name, text in zip(by, _text(population, by), strict=True)),
        pl.col("persons").cast(pl.Int64),
    )
    summed = public.group_by(keys).agg(pl.col("persons").sum())
    known = cells.join(summed, on=keys, how="left").with_columns(pl.col("persons").fill_null(0))
    return Spread(by, known, is_public=True)


def _text(frame: pl.DataFrame, names: Sequence[str]) -> list[pl.Expr]:
    """Columns as text; whole numbers alike, whatever their width."""
    return [
        pl.col(name).cast(pl.Int64).cast(pl.String)
        if frame.schema[name].is_numeric()
        else pl.col(name).cast(pl.String)
        for name in names
    ]


def indicator_bias(
    table: MicrodataTable,
    made: pl.DataFrame,
    spread_: Spread,
    truth: pl.DataFrame,
    entries: Catalogue,
) -> pl.DataFrame:
    """The bias of each indicator that the policy names, were it computed from the table.

    A public denominator is taken as it is, so that the bias is the numerator's; any other is the
    table's own rows.

    Args:
        table: Names the indicators.
        made: The table.
        spread_: The population behind its labels.
        truth: Restricted sums of measures: ``measure_id``, ``service`` (null where the measure
            depends on none), ``year``, ``municipality_code``, ``age`` and ``value``.
        entries: The loaded catalogue.

    Returns:
        One row per indicator, year and area (``*`` is the region): ``truth`` and ``estimate`` (of
        the numerator, or of the quotient), and ``bias``, estimate / truth - 1; null where the truth
        is 0. Exact: restricted.
    """
    parts = [
        _of_indicator(entries.indicators[name], column, made, spread_, truth)
        for name, column in table.rules.indicators.items()
    ]
    if not parts:
        return _EMPTY.clone()
    # The last bits of a sum are chance: threads add up in the order in which they finish.
    rounded = pl.concat(parts).with_columns(pl.col("truth", "estimate", "bias").round(9))
    return rounded.sort("indicator_id", "year", "area_code")


_EMPTY = pl.DataFrame(
    schema={
        "indicator_id": pl.String,
        "year": pl.Int64,
        "area_code": pl.String,
        "truth": pl.Float64,
        "estimate": pl.Float64,
        "bias": pl.Float64,
    }
)


def _of_indicator(
    indicator: Indicator, column: str, made: pl.DataFrame, spread_: Spread, truth: pl.DataFrame
) -> pl.DataFrame:
    shares = spread_.shares(indicator)
    classes = (
        made.group_by(spread_.by)
        .agg(counted=pl.col(column).cast(pl.Float64).sum(), rows=pl.len())
        .with_columns(pl.col(spread_.by).cast(pl.String))
        .join(shares, on=spread_.by, how="inner")
        .with_columns(
            pl.col("year").cast(pl.Int64),
            numerator=pl.col("counted") * pl.col("share"),
            denominator=pl.col("rows") * pl.col("share"),
        )
    )
    is_public = indicator.denominator.public
    estimate = _quotients(classes, is_public=is_public).rename({"value": "estimate"})
    sums = _true(indicator, truth).filter(pl.col("year").is_in(made["year"].unique().implode()))
    true = _quotients(sums, is_public=is_public).rename({"value": "truth"})
    return (
        true.join(estimate, on=["year", "area_code"], how="left")
        .with_columns(pl.col("estimate").fill_null(0.0))
        .with_columns(
            bias=pl.when(pl.col("truth") > 0).then(pl.col("estimate") / pl.col("truth") - 1)
        )
        .select(pl.lit(indicator.id).alias("indicator_id"), *_EMPTY.columns[1:])
    )


def _true(indicator: Indicator, truth: pl.DataFrame) -> pl.DataFrame:
    service = indicator.coverage.service
    inside = truth.filter(
        pl.col("age").is_between(indicator.ages.min, indicator.age_max)
        & (pl.col("service").fill_null(service) == service)
    )

    def of(measure: str) -> pl.Expr:
        return pl.col("value").filter(pl.col("measure_id") == measure).sum()

    return inside.group_by(
        pl.col("year").cast(pl.Int64), pl.col("municipality_code").alias("area_code")
    ).agg(numerator=of(indicator.numerator.measure), denominator=of(indicator.denominator.measure))


def _quotients(parts: pl.DataFrame, *, is_public: bool) -> pl.DataFrame:
    """``value`` by year and area, the region among them."""
    both = pl.concat([parts, parts.with_columns(area_code=pl.lit(REGION))])
    value = pl.col("numerator").sum()
    if not is_public:
        below = pl.col("denominator").sum()
        value = pl.when(below > 0).then(value / below)
    return both.group_by("year", "area_code").agg(value.cast(pl.Float64).alias("value"))


def summary(bias: pl.DataFrame) -> Sequence[Mapping[str, object]]:
    """The bias of each indicator in a few figures, for stewards.

    Args:
        bias: As ``indicator_bias`` gives it.

    Returns:
        For each indicator ``region`` (the year in which the region is furthest off, signed),
        ``typical`` and ``worst`` (median and greatest size over municipalities and years) and
        ``municipalities`` (how many of them, by year, have a truth that is not 0).
    """
    size = pl.col("bias").abs()
    region, own = pl.col("area_code") == REGION, pl.col("area_code") != REGION
    return (
        bias.drop_nulls("bias")
        .group_by("indicator_id")
        .agg(
            region=pl.col("bias").filter(region).sort_by(size.filter(region)).last(),
            typical=size.filter(own).median(),
            worst=size.filter(own).max(),
            municipalities=own.sum(),
        )
        .sort("indicator_id")
        .to_dicts()
    )
