"""Which directly standardised values may be shown: the table door's question, asked carefully.

Belongs here: the families of figures that the door's audit of rates is given, their order, and
what its answer means. Does not belong here: the audit itself (``anonymization.tables``), the sums
of strata that a reader knows or must not know (``standardised_sums``) and the values
(``unrounded``).

Two standards, or the two sexes and their total, are several weighted sums of the same strata and
tell more together. So all direct values of an indicator, area and period are judged as one
family: each beside those that planners need more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from anonymization.tables import TablePolicy, side_by_side
from anonymization.tables.rates import publishable_standardised
from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import FIGURE, MUNICIPALITY, TOTAL, Marts
from pipelines.publication.rates import rounded
from pipelines.publication.standardised_sums import SIBLINGS, family_strata, family_sums
from pipelines.publication.standards import SEXES, Standards
from pipelines.publication.unrounded import DIRECT, spec_table

VALUE = (*FIGURE, "value_kind")
FAMILY_ID = pl.concat_str(*SIBLINGS, separator="|")
STRATUM_ID = pl.concat_str("base", "age_from", separator="|")


def publishable_direct(
    marts: Marts,
    specs: Sequence[Indicator],
    standards: Standards,
    *,
    counted: pl.DataFrame,
    values: pl.DataFrame,
    shown: pl.DataFrame,
    policies: Mapping[str, TablePolicy],
) -> pl.DataFrame:
    """Verdicts on the directly standardised values.

    Args:
        marts: The marts.
        specs: Indicators to publish.
        standards: The standard populations.
        counted: ``figures.figures`` of the release.
        values: ``unrounded_values`` of the release.
        shown: Verdict per exact figure: the keys of ``figures.FIGURE``, shown.
        policies: Table policy by the id that indicators name.

    Returns:
        One row per directly standardised value that there is of a figure that is shown: the
        keys of ``figures.FIGURE``, value_kind, publishable.

    Raises:
        KeyError: If an indicator's policy is not given.
    """
    direct = values.filter(pl.col("value_kind").is_in(DIRECT), pl.col("value").is_not_null()).join(
        shown.filter("shown"), on=list(FIGURE), how="semi"
    )
    strata = family_strata(counted, marts, standards, direct)
    sums = family_sums(specs, shown, strata, policies)
    there = set(direct["indicator_id"])

    def verdicts(spec: Indicator) -> pl.DataFrame:
        own = pl.col("indicator_id") == spec.id
        policy = policies[spec.policy]
        return _verdicts(spec, direct.filter(own), strata.filter(own), sums.filter(own), policy)

    found = side_by_side(verdicts, [spec for spec in specs if spec.id in there])
    if not found:
        return direct.select(*VALUE, publishable=pl.lit(False))
    return pl.concat(found).sort(VALUE)


def priority(spec: Indicator) -> pl.Expr:
    """Rank of a value in its family: what planners need most comes first.

    Both sexes come before one, and the preferred kind (the headline, or else the last direct
    kind that the indicator names: the region's own standard) before the other.
    """
    kinds = [kind for kind in spec.value_kinds if kind in DIRECT]
    preferred = spec.headline_kind if spec.headline_kind in DIRECT else kinds[-1]
    other = (pl.col("value_kind") != preferred).cast(pl.Int64)
    one_sex = 2 * (1 + other) + (pl.col("sex") != SEXES[0]).cast(pl.Int64)
    return pl.when(pl.col("sex") == TOTAL).then(other).otherwise(one_sex)


def _verdicts(
    spec: Indicator,
    values: pl.DataFrame,
    strata: pl.DataFrame,
    sums: pl.DataFrame,
    policy: TablePolicy,
) -> pl.DataFrame:
    """The door's answer for the values of one indicator."""
    named = values.join(spec_table([spec]), on="indicator_id").with_columns(
        figure_id=pl.concat_str(*VALUE, separator="|")
    )
    # A limit at the end of the possible range is cut off there and tells nothing exact.
    lower = pl.when(pl.col("lower") > 0).then(rounded("lower"))
    cut = (pl.col("kind") == "proportion") & (pl.col("upper") >= pl.col("multiplier"))
    figures = named.select(
        "figure_id",
        value=rounded("value"),
        lower=lower,
        upper=pl.when(~cut).then(rounded("upper")),
        decimals="decimals",
        multiplier="multiplier",
        family=FAMILY_ID,
        priority=priority(spec),
    )
    told = sums.select(
        "sum_id",
        "shown",
        family=FAMILY_ID,
        stratum_id=STRATUM_ID,
    ).join(figures, on="family", how="semi")
    answer = publishable_standardised(_parts(spec, named, strata), figures, policy, told)
    return named.join(answer, on="figure_id").select(*VALUE, "publishable")


def _parts(spec: Indicator, named: pl.DataFrame, strata: pl.DataFrame) -> pl.DataFrame:
    """Every stratum of its family for every value, with a weight where the value holds it."""
    weights = strata.unpivot(
        on=list(DIRECT),
        index=[*SIBLINGS, "base", "age_from"],
        variable_name="value_kind",
        value_name="weight",
    )
    # The region's numerators also hold persons that its public denominators leave out, and a
    # register that knows fewer than are counted bounds nothing.
    bounded = (
        (pl.col("area_level") == MUNICIPALITY)
        & spec.denominator.public
        & (spec.kind == "proportion")
        & (pl.col("numerator") <= pl.col("denominator"))
    )
    inside = (pl.col("sex") == TOTAL) | (pl.col("sex") == pl.col("base"))
    return (
        named.select("figure_id", *SIBLINGS, "sex", "value_kind")
        .join(weights, on=[*SIBLINGS, "value_kind"])
        .join(strata.drop(DIRECT), on=[*SIBLINGS, "base", "age_from"])
        .select(
            "figure_id",
            "numerator",
            "denominator",
            stratum_id=STRATUM_ID,
            persons="numerator_persons",
            weight=pl.when(inside).then("weight"),
            upper_bound=pl.when(bounded).then("denominator"),
            complement=pl.when(bounded).then(
                (pl.col("denominator") - pl.col("numerator_persons")).round().cast(pl.Int64)
            ),
        )
    )
