"""The quantities behind indicators: numerators, denominators that are not public, complements.

Belongs here: which indicators hang together through a quantity, and each quantity's counts
taken from the indicators' rows. Does not belong here: areas, ages and equations over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipelines.catalogue.model import OPEN_AGE, Indicator

ROLES_SCHEMA = {
    "indicator_id": pl.String,
    "numerator_quantity": pl.String,
    "denominator_quantity": pl.String,
    "complement_quantity": pl.String,
    "shared": pl.Boolean,
    "magnitude": pl.Boolean,
    "bounded": pl.Boolean,
    "age_min": pl.Int64,
    "age_max": pl.Int64,
}
NUMBERS = (
    "value",
    "persons",
    "complement_persons",
    "denominator_persons",
    "providers",
    "largest",
)


def _measures(spec: Indicator) -> set[str]:
    hidden = set() if spec.denominator.public else {spec.denominator.measure}
    return {spec.numerator.measure} | hidden


def audit_groups(specs: Sequence[Indicator]) -> list[list[Indicator]]:
    """Indicators that share a numerator or a denominator that is not public, directly or not.

    Args:
        specs: Indicators.

    Returns:
        Groups, each sorted by id, in order of their first id.

    Raises:
        ValueError: If the indicators of a group differ in policy or way of counting.
    """
    ordered = sorted(specs, key=lambda spec: spec.id)
    measures = [_measures(spec) for spec in ordered]
    links = [
        pair
        for pair in combinations(range(len(ordered)), 2)
        if measures[pair[0]] & measures[pair[1]]
    ]
    rows, columns = np.array(links, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(links)), (rows, columns)), shape=(len(ordered),) * 2)
    count, label = connected_components(graph, directed=False)
    groups = [[ordered[i] for i in np.flatnonzero(label == k)] for k in range(count)]
    for group in groups:
        _check_alike(group)
    return sorted(groups, key=lambda group: group[0].id)


def _check_alike(group: Sequence[Indicator]) -> None:
    for name in ("policy", "counting", "magnitude"):
        if len({getattr(spec, name) for spec in group}) > 1:
            ids = ", ".join(spec.id for spec in group)
            msg = f"{ids}: share a measure and must have the same {name}"
            raise ValueError(msg)


@dataclass(frozen=True)
class Quantities:
    """The quantities of an audit group.

    Attributes:
        roles: One row per indicator: the quantity that is its numerator, denominator (null
            where public) and complement (null where the numerator is no part of a denominator
            that is not public); shared (a quantity of it is another indicator's too);
            magnitude; bounded (a part of its public denominator); age_min, age_max.
        unknowns: One row per quantity and the quantity whose unknowns it is the sum of.
    """

    roles: pl.DataFrame
    unknowns: pl.DataFrame

    def from_figures(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Counts of every quantity from the indicators' rows.

        Args:
            rows: Rows per indicator with the counts of ``figures.COUNTS``, over any further
                keys (area, sex, ages).

        Returns:
            Rows per indicator, role, quantity and key: ``NUMBERS``, magnitude, publishable.
        """
        joined = rows.join(self.roles, on="indicator_id")
        col, own = pl.col, ~pl.col("shared") | pl.col("denominator_quantity").is_null()
        # Where another indicator uses the numerator, the complement is protected by its own cell.
        numerator = joined.with_columns(
            quantity=col("numerator_quantity"),
            value=col("numerator"),
            persons=col("numerator_persons"),
            complement_persons=pl.when(own).then(col("complement_persons")),
            denominator_persons=pl.when(own).then(col("denominator_persons")),
            largest=col("numerator_max"),
            publishable=pl.lit(True),
            role=pl.lit("numerator"),
        )
        denominator = joined.filter(col("denominator_quantity").is_not_null()).with_columns(
            quantity=col("denominator_quantity"),
            value=col("denominator"),
            persons=col("denominator_persons"),
            complement_persons=pl.lit(None, dtype=pl.Int64),
            largest=col("denominator_max"),
            publishable=pl.lit(True),
            role=pl.lit("denominator"),
        )
        complement = joined.filter(col("complement_quantity").is_not_null()).with_columns(
            quantity=col("complement_quantity"),
            value=col("denominator") - col("numerator"),
            persons=col("complement_persons"),
            complement_persons=pl.lit(None, dtype=pl.Int64),
            # Nobody's part of the complement exceeds the part in the denominator.
            largest=col("denominator_max"),
            providers=pl.lit(None, dtype=pl.Int64),
            publishable=pl.lit(False),
            role=pl.lit("complement"),
        )
        return pl.concat([numerator, denominator, complement])


def quantities(group: Sequence[Indicator]) -> Quantities:
    """Quantities of one audit group.

    Raises:
        ValueError: If a denominator that is not public is the denominator of several
            numerators, or a numerator itself: its parts would then overlap.
    """
    parents = {
        spec.denominator.measure: spec.numerator.measure
        for spec in group
        if not spec.denominator.public and spec.kind == "proportion"
    }
    _check_parents(group, parents)
    numerators = [spec.numerator.measure for spec in group]
    rows = []
    unknowns: set[tuple[str, str]] = {(measure, measure) for measure in numerators}
    for spec in group:
        whole = None if spec.denominator.public else spec.denominator.measure
        part = spec.numerator.measure
        complement = f"{whole}-without-{part}" if whole and spec.kind == "proportion" else None
        if whole and complement:
            unknowns |= {(whole, part), (whole, complement), (complement, complement)}
        elif whole:
            unknowns.add((whole, whole))
        used = [_measures(other) for other in group if other is not spec]
        shared = any(part in measures or whole in measures for measures in used)
        bounded = spec.denominator.public and spec.kind == "proportion"
        ages = (spec.ages.min, spec.age_max) if spec.counting == "strata" else (0, OPEN_AGE)
        rows.append((spec.id, part, whole, complement, shared, spec.magnitude, bounded, *ages))
    pairs = pl.DataFrame(
        sorted(unknowns), schema={"quantity": pl.String, "unknown": pl.String}, orient="row"
    )
    return Quantities(pl.DataFrame(rows, schema=ROLES_SCHEMA, orient="row"), pairs)


def _check_parents(group: Sequence[Indicator], parents: dict[str, str]) -> None:
    for spec in group:
        whole, part = spec.denominator.measure, spec.numerator.measure
        if spec.denominator.public:
            overlap = part in parents
        else:
            overlap = parents.get(whole, part) != part or part in parents
        if overlap:
            msg = (
                f"{spec.id}: {whole} is the whole of several parts, or {part} a whole itself; "
                "a linked system splits a denominator into one numerator and its complement"
            )
            raise ValueError(msg)
