"""The quantities behind indicators: numerators, denominators that are not public, complements.

Belongs here: which indicators hang together through a quantity, and each quantity's counts
taken from the indicators' rows. Does not belong here: areas, ages and equations over them.

A denominator that several numerators are counted among, or that is a numerator elsewhere, is
*common*: it is protected once, and where it is divided by it is taken as known to everybody, which
is more than any reader knows (``docs/decisions/0020-common-denominators-are-taken-as-known.md``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipelines.catalogue.model import OPEN_AGE, Indicator
from pipelines.publication.figures import MUNICIPALITY

ROLES_SCHEMA = {
    "indicator_id": pl.String,
    "numerator_quantity": pl.String,
    "denominator_quantity": pl.String,
    "complement_quantity": pl.String,
    "shared": pl.Boolean,
    "magnitude": pl.Boolean,
    "bounded": pl.Boolean,
    "placed": pl.Boolean,
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
    "upper_bound",
)
WHOLE = 1e-6
"""Within this a value is a whole number, and two are the same."""


def common_denominators(specs: Sequence[Indicator]) -> frozenset[str]:
    """Denominators that are not public and do not split into one numerator and its complement.

    Args:
        specs: All indicators of the release.

    Returns:
        Measures that several numerators are counted among, or that are a numerator themselves.
    """
    parts: dict[str, set[str]] = {}
    for spec in specs:
        if not spec.denominator.public:
            parts.setdefault(spec.denominator.measure, set()).add(spec.numerator.measure)
    numerators = {spec.numerator.measure for spec in specs}
    return frozenset(whole for whole, own in parts.items() if len(own) > 1 or whole in numerators)


def _measures(spec: Indicator, common: frozenset[str]) -> set[str]:
    found = {spec.numerator.measure}
    if not spec.denominator.public and spec.denominator.measure not in common:
        found.add(spec.denominator.measure)
    if spec.numerator.part_of is not None:
        found.add(spec.numerator.part_of)
    return found


@dataclass(frozen=True)
class Linked:
    """Indicators that are audited together.

    Attributes:
        name: Their ids joined by ``+``; the measure, where only a common denominator is.
        members: Those whose numerators it holds, sorted by id.
        guests: Those that divide by one of its quantities and are protected elsewhere.
        common: The release's common denominators.
    """

    name: str
    members: tuple[Indicator, ...]
    guests: tuple[Indicator, ...]
    common: frozenset[str]

    @property
    def policy_id(self) -> str:
        """The policy that its quantities are protected by."""
        return (self.members or self.guests)[0].policy


def linked_indicators(specs: Sequence[Indicator]) -> list[Linked]:
    """The audit groups of a release.

    Args:
        specs: Indicators.

    Returns:
        One entry for indicators that share a numerator or a denominator that is neither public
        nor common, directly or not, and one for each common denominator that is no numerator; in
        order of their names.

    Raises:
        ValueError: If the indicators of a group differ in policy or way of counting.
    """
    common = common_denominators(specs)
    found = []
    for group in audit_groups(specs):
        own = {spec.numerator.measure for spec in group}
        guests = _dividing_by(own & common, specs)
        found.append(Linked("+".join(spec.id for spec in group), tuple(group), guests, common))
    numerators = {spec.numerator.measure for spec in specs}
    for measure in sorted(common - numerators):
        guests = _dividing_by({measure}, specs)
        _check_alike(guests, ("policy", "counting"))
        found.append(Linked(measure, (), guests, common))
    for linked in found:
        _check_alike([*linked.members, *linked.guests], ("counting",))
    return sorted(found, key=lambda linked: linked.name)


def _dividing_by(measures: set[str], specs: Sequence[Indicator]) -> tuple[Indicator, ...]:
    found = [
        spec
        for spec in specs
        if not spec.denominator.public and spec.denominator.measure in measures
    ]
    return tuple(sorted(found, key=lambda spec: spec.id))


def audit_groups(specs: Sequence[Indicator]) -> list[list[Indicator]]:
    """Indicators that share a numerator or a denominator that is neither public nor common.

    Args:
        specs: Indicators.

    Returns:
        Groups, each sorted by id, in order of their first id.

    Raises:
        ValueError: If the indicators of a group differ in policy or way of counting.
    """
    ordered = sorted(specs, key=lambda spec: spec.id)
    common = common_denominators(ordered)
    measures = [_measures(spec, common) for spec in ordered]
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
        _check_alike(group, ("policy", "counting", "magnitude"))
    return sorted(groups, key=lambda group: group[0].id)


def _check_alike(group: Sequence[Indicator], names: Sequence[str]) -> None:
    for name in names:
        if len({getattr(spec, name) for spec in group}) > 1:
            ids = ", ".join(spec.id for spec in group)
            msg = f"{ids}: share a measure and must have the same {name}"
            raise ValueError(msg)


@dataclass(frozen=True)
class Quantities:
    """The quantities of an audit group.

    Attributes:
        roles: One row per member: the quantity that is its numerator, denominator (null where
            public or common) and complement (null where the numerator is no part of a denominator
            of the group); shared (a quantity of it is another indicator's too); magnitude; bounded
            (a part of a denominator that is public or taken as known); placed (the denominator
            is public, and so leaves out who has no municipality); age_min, age_max. And one row per
            guest, which has a denominator only.
        unknowns: One row per quantity and the quantity whose unknowns it is the sum of.
        rests: Quantity of what a numerator leaves of another that it is a part of, with the two
            indicators: rest, part_id, whole_id.
    """

    roles: pl.DataFrame
    unknowns: pl.DataFrame
    rests: Sequence[tuple[str, str, str]] = ()

    @property
    def ages(self) -> pl.DataFrame:
        """Ages at which each quantity is counted: quantity, age_min, age_max."""
        named = [
            self.roles.select("age_min", "age_max", quantity=f"{role}_quantity").drop_nulls()
            for role in ("numerator", "denominator", "complement")
        ]
        rests = pl.DataFrame(
            [(rest, part_id) for rest, part_id, _ in self.rests],
            schema={"quantity": pl.String, "indicator_id": pl.String},
            orient="row",
        ).join(self.roles.filter(pl.col("numerator_quantity").is_not_null()), on="indicator_id")
        return (
            pl.concat([*named, rests.select("age_min", "age_max", "quantity")])
            .group_by("quantity")
            .agg(pl.col("age_min").min(), pl.col("age_max").max())
        )

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
        numerator = joined.filter(col("numerator_quantity").is_not_null()).with_columns(
            quantity=col("numerator_quantity"),
            value=col("numerator"),
            persons=col("numerator_persons"),
            complement_persons=pl.when(own).then(col("complement_persons")),
            denominator_persons=pl.when(own).then(col("denominator_persons")),
            largest=col("numerator_max"),
            upper_bound=pl.when(_within()).then(col("denominator")),
            publishable=pl.lit(True),
            role=pl.lit("numerator"),
        )
        denominator = joined.filter(col("denominator_quantity").is_not_null()).with_columns(
            quantity=col("denominator_quantity"),
            value=col("denominator"),
            persons=col("denominator_persons"),
            complement_persons=pl.lit(None, dtype=pl.Int64),
            largest=col("denominator_max"),
            upper_bound=pl.lit(None, dtype=pl.Float64),
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
            upper_bound=pl.lit(None, dtype=pl.Float64),
            publishable=pl.lit(False),
            role=pl.lit("complement"),
        )
        rests = [_rest(numerator, *named) for named in self.rests]
        return pl.concat([numerator, denominator, complement, *rests])


def _within() -> pl.Expr:
    """Whether a numerator is bounded by its denominator: not where a register knows too few.

    A denominator that is public holds nobody without a municipality, and so does not bound the
    region's numerator, which does.
    """
    of_all = ~pl.col("placed") | (pl.col("area_level") == MUNICIPALITY)
    return pl.col("bounded") & of_all & (pl.col("numerator") <= pl.col("denominator") + WHOLE)


_KEYS = ("area_level", "area_code", "sex", "low", "high", "age_from", "age_to", "period_start")


def _rest(numerators: pl.DataFrame, rest: str, part_id: str, whole_id: str) -> pl.DataFrame:
    """What one indicator's numerator leaves of another's, at the ages at which both count."""
    keys = [name for name in _KEYS if name in numerators.columns]
    by_stratum = "age_from" in keys
    # Rows of figures are complete; a stratum without a row holds nothing.
    how: Literal["left", "inner"] = "left" if by_stratum else "inner"
    low, high = ("age_from", "age_to") if by_stratum else ("low", "high")
    whole = numerators.filter(pl.col("indicator_id") == whole_id)
    own = numerators.filter(pl.col("indicator_id") == part_id)
    ages = own.select(least=pl.col("age_min").first(), most=pl.col("age_max").first())
    part = own.select(*keys, part="value")
    value = pl.col("value") - pl.col("part").fill_null(0.0)
    # At least so many persons, since nobody has more of the whole than the largest has.
    persons = (value / pl.col("largest")).ceil()
    return (
        whole.join(ages, how="cross")
        .filter(pl.col(low) >= pl.col("least"), pl.col(high) <= pl.col("most"))
        .join(part, on=keys, how=how)
        .with_columns(
            quantity=pl.lit(rest),
            value=value,
            persons=pl.when(value > 0).then(persons).otherwise(0).cast(pl.Int64),
            complement_persons=pl.lit(None, dtype=pl.Int64),
            denominator_persons=pl.lit(None, dtype=pl.Int64),
            providers=pl.lit(None, dtype=pl.Int64),
            upper_bound=pl.lit(None, dtype=pl.Float64),
            publishable=pl.lit(False),
            role=pl.lit("complement"),
        )
        .select(numerators.columns)
    )


def quantities(linked: Linked) -> Quantities:
    """Quantities of one audit group.

    Raises:
        ValueError: If a quantity is split in two ways: its parts would then overlap.
    """
    members, common = linked.members, linked.common
    splits: dict[str, tuple[str, str]] = {}
    rows: list[tuple[object, ...]] = []
    rests: list[tuple[str, str, str]] = []
    names: set[str] = set()
    numerators = {spec.numerator.measure: spec.id for spec in reversed(members)}
    for spec in members:
        known = spec.denominator.public or spec.denominator.measure in common
        whole, part = (None if known else spec.denominator.measure), spec.numerator.measure
        proportion = spec.kind == "proportion"
        complement = _split(splits, whole, part, spec.id) if whole and proportion else None
        names |= {part, whole or part, complement or part}
        holder = spec.numerator.part_of
        if holder in numerators and holder not in splits:
            rest = _split(splits, holder, part, spec.id)
            names.add(rest)
            rests.append((rest, spec.id, numerators[holder]))
        elif holder in numerators:
            _split(splits, holder, part, spec.id)
        used = [_measures(other, common) for other in members if other is not spec]
        shared = any(part in measures or whole in measures for measures in used)
        ages = (spec.ages.min, spec.age_max) if spec.counting == "strata" else (0, OPEN_AGE)
        role = (spec.id, part, whole, complement, shared, spec.magnitude)
        rows.append((*role, known and proportion, spec.denominator.public, *ages))
    for spec in linked.guests:
        names.add(spec.denominator.measure)
        ages = (spec.ages.min, spec.age_max) if spec.counting == "strata" else (0, OPEN_AGE)
        days = members[0].magnitude if members else spec.magnitude and spec.kind == "proportion"
        rows.append(
            (spec.id, None, spec.denominator.measure, None, True, days, False, False, *ages)
        )
    pairs = pl.DataFrame(
        sorted((name, leaf) for name in names for leaf in _leaves(name, splits)),
        schema={"quantity": pl.String, "unknown": pl.String},
        orient="row",
    )
    return Quantities(pl.DataFrame(rows, schema=ROLES_SCHEMA, orient="row"), pairs, rests)


def _split(splits: dict[str, tuple[str, str]], whole: str, part: str, owner: str) -> str:
    """Note that a quantity is a part and the rest; the rest's name."""
    rest = f"{whole}-without-{part}"
    if splits.setdefault(whole, (part, rest)) != (part, rest):
        msg = (
            f"{owner}: {whole} is split into {part} and a rest, and elsewhere into "
            f"{splits[whole][0]} and a rest; a quantity may be split in one way only"
        )
        raise ValueError(msg)
    return rest


def _leaves(name: str, splits: Mapping[str, tuple[str, str]]) -> list[str]:
    """The quantities that one is the sum of and that are split no further."""
    if name not in splits:
        return [name]
    return [leaf for part in splits[name] for leaf in _leaves(part, splits)]
