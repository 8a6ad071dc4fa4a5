"""Which directly standardised values may be shown: the table door's question, asked carefully.

Belongs here: the strata and figures that the door's audit of rates is given, and what its
answer means for the value kinds and sexes of one area. Does not belong here: the audit itself
(``anonymization.tables``) and the values (``unrounded``).

The door judges one rate at a time. Two standards, or the two sexes and their total, are several
weighted sums of the same strata and tell more together. So where a stratum rests on few persons
one value only is published: the preferred kind, and of both sexes together where that is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from anonymization.tables import TablePolicy
from anonymization.tables.rates import publishable_standardised
from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import (
    AREA,
    FIGURE,
    MUNICIPALITY,
    PERIOD,
    TOTAL,
    Marts,
    published_bands,
)
from pipelines.publication.rates import rounded
from pipelines.publication.standards import Standards, standard_strata
from pipelines.publication.unrounded import DIRECT, spec_table

VALUE = (*FIGURE, "value_kind")
SIBLINGS = ("indicator_id", *AREA, *PERIOD)


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
        shown: Verdict per figure: the keys of ``figures.FIGURE``, shown.
        policies: Table policy by the id that indicators name.

    Returns:
        One row per directly standardised value that there is: the keys of
        ``figures.FIGURE``, value_kind, publishable.

    Raises:
        KeyError: If an indicator's policy is not given.
    """
    direct = values.filter(pl.col("value_kind").is_in(DIRECT), pl.col("value").is_not_null()).join(
        shown.filter("shown"), on=list(FIGURE), how="semi"
    )
    strata = standard_strata(counted, marts, standards).join(
        direct.select(FIGURE).unique(), on=list(FIGURE), how="semi"
    )
    strata = _with_known_groups(strata, specs, shown)
    verdicts = []
    for spec in specs:
        mine = direct.filter(pl.col("indicator_id") == spec.id)
        own = strata.filter(pl.col("indicator_id") == spec.id)
        if not mine.is_empty():
            verdicts.append(_verdicts(spec, mine, own, policies[spec.policy]))
    if not verdicts:
        return direct.select(*VALUE, publishable=pl.lit(False))
    return pl.concat(verdicts).sort(VALUE)


def _verdicts(
    spec: Indicator, values: pl.DataFrame, strata: pl.DataFrame, policy: TablePolicy
) -> pl.DataFrame:
    few = pl.col("numerator_persons").is_between(1, policy.threshold - 1)
    with_few = strata.filter(few).select(FIGURE).unique()
    safe = values.join(with_few, on=list(FIGURE), how="anti")
    doubtful = _one_of_its_kind(spec, values.join(with_few, on=list(FIGURE), how="semi"))
    answers = [safe.select(*VALUE, publishable=pl.lit(True))]
    if not doubtful.is_empty():
        answers.append(_asked(spec, doubtful, strata, policy))
    return (
        values.select(VALUE)
        .join(pl.concat(answers), on=list(VALUE), how="left")
        .with_columns(pl.col("publishable").fill_null(False))
    )


def _one_of_its_kind(spec: Indicator, doubtful: pl.DataFrame) -> pl.DataFrame:
    """The one value per area that is asked about: preferred kind, both sexes before one."""
    kinds = [kind for kind in spec.value_kinds if kind in DIRECT]
    preferred = spec.headline_kind if spec.headline_kind in DIRECT else kinds[0]
    of_kind = doubtful.filter(pl.col("value_kind") == preferred)
    has_total = (pl.col("sex") == TOTAL).any().over(SIBLINGS)
    return of_kind.filter((pl.col("sex") == TOTAL) | ~has_total)


def _asked(
    spec: Indicator, values: pl.DataFrame, strata: pl.DataFrame, policy: TablePolicy
) -> pl.DataFrame:
    """The door's answer for values that rest on strata with few persons."""
    figure_id = pl.concat_str(*VALUE, separator="|")
    table = spec_table([spec])
    named = values.join(table, on="indicator_id").with_columns(figure_id=figure_id)
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
    )
    weights = strata.unpivot(
        on=list(DIRECT),
        index=[*FIGURE, "base", "age_from"],
        variable_name="value_kind",
        value_name="weight",
    )
    bounded = spec.denominator.public and spec.kind == "proportion"
    parts = (
        named.select("figure_id", *VALUE)
        .join(weights, on=list(VALUE))
        .join(strata.drop(DIRECT), on=[*FIGURE, "base", "age_from"])
        .select(
            "figure_id",
            "numerator",
            "denominator",
            "weight",
            "known_group",
            stratum_id=pl.concat_str("base", "age_from", separator="|"),
            persons="numerator_persons",
            # The region's numerators also hold persons that its public denominators leave out.
            upper_bound=pl.when((pl.col("area_level") == MUNICIPALITY) & bounded).then(
                pl.col("denominator")
            ),
        )
    )
    answer = publishable_standardised(parts, figures, policy)
    return named.join(answer, on="figure_id").select(*VALUE, "publishable")


def _with_known_groups(
    strata: pl.DataFrame, specs: Sequence[Indicator], shown: pl.DataFrame
) -> pl.DataFrame:
    """Name the sums of strata that a reader is taken to know.

    A published age group of one sex or of both is taken as known of each sex, and so is what
    is left of each sex: more than a reader knows, never less.
    """
    groups = published_bands(specs).filter(pl.col("age_group") != TOTAL)
    seen = (
        shown.filter("shown")
        .join(groups, on=["indicator_id", "age_group"])
        .select(*SIBLINGS, "low", "high", "age_group", shown_sex="sex")
    )
    placed = (
        strata.join(seen, on=list(SIBLINGS))
        .filter(
            (pl.col("age_from") >= pl.col("low")) & (pl.col("age_to") <= pl.col("high")),
            (pl.col("shown_sex") == pl.col("base")) | (pl.col("shown_sex") == TOTAL),
        )
        .select(*FIGURE[:5], *PERIOD, "base", "age_from", group="age_group_right")
        .unique()
    )
    keys = [*FIGURE, "base", "age_from"]
    rest = pl.col("group").fill_null("rest")
    return (
        strata.join(placed, on=keys, how="left")
        .with_columns(known_group=pl.concat_str("base", rest, separator="|"))
        .drop("group")
    )
