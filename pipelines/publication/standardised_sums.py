"""The strata behind directly standardised values, and what a reader is told of their sums.

Belongs here: per indicator, area and period the strata of both sexes, the sums of them that are
published, and those that are hidden. Does not belong here: the verdict on rates
(``standardised_door``) and the verdict on sums, which the table door gives.

A sum is a count of one sex or both and one age group or all: the numerator of a figure. The same
count may stand behind figures of several indicators; one that shows it suffices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from anonymization.tables import TablePolicy
from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import AREA, PERIOD, TOTAL, Marts, published_bands
from pipelines.publication.standards import SEXES, Standards, standard_strata

SIBLINGS = ("indicator_id", *AREA, *PERIOD)
"""The keys of a family: all direct values of an indicator, area and period."""

_BAND = ("low", "high")
_STRATUM = (*SIBLINGS, "base", "age_from")


def family_strata(
    counted: pl.DataFrame, marts: Marts, standards: Standards, direct: pl.DataFrame
) -> pl.DataFrame:
    """The strata of both sexes in the families of some values.

    Args:
        counted: ``figures.figures`` of the release.
        marts: The marts.
        standards: The standard populations.
        direct: Directly standardised values; their ``SIBLINGS``.

    Returns:
        One row per family, base sex and band inside the indicator's ages: ``SIBLINGS`` and the
        columns of ``standard_strata`` but sex and age_group.
    """
    families = counted.filter(pl.col("sex") == TOTAL).join(direct, on=list(SIBLINGS), how="semi")
    # Whether or not they give the total of both sexes exactly: one sex tells of the other.
    whole = families.with_columns(exact=pl.lit(True), numerator_sq=pl.lit(0.0))
    return standard_strata(whole, marts, standards).drop("sex", "age_group")


def family_sums(
    specs: Sequence[Indicator],
    shown: pl.DataFrame,
    strata: pl.DataFrame,
    policies: Mapping[str, TablePolicy],
) -> pl.DataFrame:
    """Sums of families' strata that are published or must not be found out.

    Args:
        specs: Indicators to publish.
        shown: Verdict per exact figure: the keys of ``figures.FIGURE``, shown.
        strata: ``family_strata``.
        policies: Table policy by the id that indicators name.

    Returns:
        One row per sum and stratum: ``SIBLINGS``, sum_id, base, age_from, shown. Merged age
        groups with few persons, which nobody publishes but which may follow from what is
        published, are hidden sums too.
    """
    sexes = pl.DataFrame({"base": [*SEXES, *SEXES], "sex": [*SEXES, TOTAL, TOTAL]})
    spread = strata.select(*_STRATUM, "age_to", "numerator_persons").join(sexes, on="base")
    inside = (pl.col("age_from") >= pl.col("low")) & (pl.col("age_to") <= pl.col("high"))
    placed = spread.join(_counts(specs, shown), on=[*SIBLINGS, "sex"]).filter(inside)
    merged = spread.join(placed.filter("part"), on=[*_STRATUM, "sex"], how="anti").with_columns(
        shown=pl.lit(False), low=pl.lit(None), high=pl.lit(None)
    )
    names = pl.concat_str("sex", *_BAND, separator="|", ignore_nulls=True)
    columns = [*_STRATUM, "shown", names.alias("sum_id")]
    few = merged.filter(_few(specs, policies))
    return pl.concat([placed.select(columns), few.select(columns)])


def _few(specs: Sequence[Indicator], policies: Mapping[str, TablePolicy]) -> pl.Expr:
    """Whether a family's strata of one sex or both hold few persons, but some."""
    thresholds = {spec.id: policies[spec.policy].threshold for spec in specs}
    limit = pl.col("indicator_id").replace_strict(thresholds, return_dtype=pl.Int64)
    return pl.col("numerator_persons").sum().over(*SIBLINGS, "sex").is_between(1, limit - 1)


def _counts(specs: Sequence[Indicator], shown: pl.DataFrame) -> pl.DataFrame:
    """The counts of every family, and whether any figure shows them.

    Returns:
        One row per family, sex and ages: ``SIBLINGS``, sex, low, high, shown, part (not all
        of the family's ages).
    """
    bands = published_bands(specs)
    own = _measures((spec.id, spec.numerator.measure) for spec in specs)
    whole = _measures(
        (spec.id, spec.denominator.measure) for spec in specs if not spec.denominator.public
    )
    told = (
        shown.join(bands, on=["indicator_id", "age_group"])
        .join(pl.concat([own, whole]), on="indicator_id")
        .group_by("measure", *AREA, *PERIOD, "sex", *_BAND)
        .agg(pl.col("shown").any())
    )
    ages = bands.filter(pl.col("age_group") == TOTAL).select(
        "indicator_id", least="low", most="high"
    )
    counts = own.join(ages, on="indicator_id").join(told, on="measure")
    return counts.filter(pl.col("low") >= pl.col("least"), pl.col("high") <= pl.col("most")).select(
        *SIBLINGS,
        "sex",
        *_BAND,
        "shown",
        part=(pl.col("low") > pl.col("least")) | (pl.col("high") < pl.col("most")),
    )


def _measures(pairs: Iterable[tuple[str, str]]) -> pl.DataFrame:
    schema = {"indicator_id": pl.String, "measure": pl.String}
    return pl.DataFrame(list(pairs), schema=schema, orient="row")
