"""How far persons in a table can be recognised: measures of a finished table.

Belongs here: what can be counted on any table, whoever made it. Does not belong here: making a
table safer (``anonymization.microdata``). Nothing of the search or the recoding is used: classes
are made anew from the table's own values, so that ``assess`` on a written file is an independent
check of it. Counting (``grouping``) and the formulas of l and t (``diversity``, ``closeness``) are
shared, and held to slow counts by tests.

Definitions. A class is the records that share all quasi-identifiers; missing is a value of its
own. Prosecutor (knows that the person is in the table): a record's risk is 1 / size of its class.
Journalist (does not know): 1 / size of its class in the population. Marketer (wants many right on
average): the mean of the prosecutor risks, which is classes / records. (El Emam and Dankar 2008;
Dankar and El Emam 2010 for the marketer.)
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import polars as pl

from anonymization.closeness import Ground, distances, hierarchical_ground, ordered_ground
from anonymization.diversity import (
    Histogram,
    distinct_values,
    effective_values,
    recursive_bound,
)
from anonymization.grouping import COUNT, Source, check_persons, source_of
from anonymization.packing import Coded, Codes, ColumnError, Keys, coded, positions
from anonymization.policies import SensitiveAttribute

Missing = Literal["value", "unknown"]


@dataclass(frozen=True)
class Diversity:
    """What a table gives away of one sensitive attribute. Fields are null where nothing is known.

    Attributes:
        distinct: Least number of distinct values in a class.
        entropy: Least exp(entropy) of a class: the greatest l of entropy l-diversity.
        recursive: The table is recursively (c, l)-diverse for every c above this, with the l of the
            attribute asked for (2 when only its name was given); infinite when some class has fewer
            than l values.
        t: Greatest distance of a class from the whole table: the least t of t-closeness.
        distance: The ground distance of t.
    """

    distinct: int | None
    entropy: float | None
    recursive: float | None
    t: float | None
    distance: str


@dataclass(frozen=True)
class RiskReport:
    """Risk of a table; counts and shares only. Fields are null for an empty table.

    Attributes:
        records: Records, or persons when a unit was named. A person in two classes counts in each.
        classes: Classes of equal quasi-identifiers.
        k: Size of the smallest class.
        sensitive: What is given away, by sensitive attribute.
        prosecutor_max: Highest prosecutor risk, 1 / k.
        prosecutor_mean: Mean prosecutor risk, equal to the marketer risk.
        marketer: classes / records.
        at_risk: Share of records whose prosecutor risk is above the threshold.
        threshold: The threshold.
        uniques: Records that are alone in their class.
        uniqueness: Their share of all records.
        incomplete: Records that lack some quasi-identifier.
        k_map: Size in the population of the smallest class that occurs in the table; 0 when one
            does not occur in the population at all; null without a population.
        journalist_max: 1 / k_map; null without a population or when k_map is 0.
        journalist_mean: Mean over records of 1 / size of their class in the population; null
            without a population or when k_map is 0.
        presence_min: Least share of the persons of the population in a class that the table has; 0
            when a class of the population does not occur in the table; null as above.
        presence_max: Greatest such share; null as above.
        class_sizes: One row per size: ``class_size`` (records in the class), ``classes`` and
            ``records`` (numbers of each).
    """

    records: int
    classes: int
    k: int | None
    sensitive: Mapping[str, Diversity]
    prosecutor_max: float | None
    prosecutor_mean: float | None
    marketer: float | None
    at_risk: float | None
    threshold: float
    uniques: int
    uniqueness: float | None
    incomplete: int
    k_map: int | None
    journalist_max: float | None
    journalist_mean: float | None
    presence_min: float | None
    presence_max: float | None
    class_sizes: pl.DataFrame = field(repr=False)

    @property
    def l(self) -> Mapping[str, int | None]:  # noqa: E743 - the literature's name
        """Least number of distinct values in a class, by sensitive attribute."""
        return {name: measured.distinct for name, measured in self.sensitive.items()}

    @property
    def t(self) -> Mapping[str, float | None]:
        """Greatest distance of a class from the whole table, by sensitive attribute."""
        return {name: measured.t for name, measured in self.sensitive.items()}


def assess(
    frame: pl.DataFrame | pl.LazyFrame | Source,
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str | SensitiveAttribute] = (),
    *,
    unit: str | None = None,
    population: pl.DataFrame | pl.LazyFrame | None = None,
    reference: pl.DataFrame | pl.LazyFrame | Source | None = None,
    threshold: float = 0.2,
    missing: Missing = "value",
) -> RiskReport:
    """Measure the risk of any table.

    A lazy frame is counted as a stream, so that memory grows with classes and not with records.

    Args:
        frame: The table.
        quasi_identifiers: Columns by which somebody could recognise a person.
        sensitive: Columns nobody should learn of a person; by name, or as attributes that say
            which distance and which l to measure by.
        unit: Column that tells persons apart when a person may have several records; classes, and
            values within them, are then counted in persons. Records without one count as one
            person together.
        population: The public population by the same quasi-identifiers, with ``persons``: whole
            numbers of 0 or more.
        reference: The table whose distribution of sensitive values t is measured from, such as the
            one before records were suppressed; the table itself by default. Counted in persons
            where it has the unit's column, and in rows where not.
        threshold: Prosecutor risk (0 to 1) above which a record counts as at risk; 0.2 is one in
            a class of five.
        missing: ``value`` counts a missing sensitive value as one more value. ``unknown`` does not
            count it and passes over classes in which nothing is known: there is nothing to learn
            where an attribute has been removed.

    Returns:
        The measures.

    Raises:
        ColumnError: If a column is missing, holds lists, or has no order that a distance needs.
        ValueError: If no quasi-identifier is named, an option is unknown, or what is given is of
            another kind than asked for.
        HierarchyError: If the hierarchy of a distance does not cover a sensitive attribute.
    """
    _check_arguments(quasi_identifiers, sensitive, threshold, missing)
    attributes = [SensitiveAttribute(a) if isinstance(a, str) else a for a in sensitive]
    names = [attribute.name for attribute in attributes]
    source = source_of(frame)
    people = None if population is None else population.lazy().collect()
    whole = None if reference is None else source_of(reference)
    wanted = [*quasi_identifiers, *names, *([unit] if unit else [])]
    _check(source, wanted, quasi_identifiers, people)
    if whole is not None:
        _lacks("the reference", whole.schema, names)
    counted = source.counted(quasi_identifiers, unit)
    by = [str(n) for n in range(len(quasi_identifiers))]
    classes = _Classes(counted.select(by), counted[COUNT].cast(pl.Int64).to_numpy())
    diverse = _Diverse(source, classes, quasi_identifiers, unit, whole, missing)
    return _report(
        classes,
        _people(classes.by, quasi_identifiers, people),
        {attribute.name: diverse.measured(attribute) for attribute in attributes},
        threshold,
    )


@dataclass(frozen=True)
class _Population:
    """Persons of the population in each class of the table, and the least share of any class."""

    people: Codes
    is_absent_somewhere: bool


class _Classes:
    """The classes of a table: their values, and their sizes in records or persons."""

    def __init__(self, by: pl.DataFrame, sizes: Codes) -> None:
        self.by, self.sizes = by, sizes

    @cached_property
    def _known(self) -> tuple[list[Coded], Keys]:
        columns = [coded(column) for column in self.by.get_columns()]
        return columns, Keys([column.digit for column in columns])

    def place(self, by: pl.DataFrame) -> Codes:
        """Class of each combination of values."""
        columns, keys = self._known
        pairs = zip(by.get_columns(), columns, strict=True)
        return keys.place([positions(series, column.values) for series, column in pairs])


@dataclass(frozen=True)
class _Diverse:
    """Measures what a table gives away of its sensitive attributes."""

    source: Source
    classes: _Classes
    quasi_identifiers: Sequence[str]
    unit: str | None
    reference: Source | None
    missing: Missing

    def measured(self, attribute: SensitiveAttribute) -> Diversity:
        """Measure one of them."""
        name, width = attribute.name, len(self.quasi_identifiers)
        counted = self.source.counted([*self.quasi_identifiers, name], self.unit)
        column, unknown = str(width), self.missing == "unknown"
        counted = counted.filter(pl.col(column).is_not_null()) if unknown else counted
        # Without a reference the whole is what the classes add up to, in persons where they are.
        whole = counted.select(pl.col(column).alias("0"), COUNT)
        if self.reference is not None:
            by_person = self.unit if self.unit in self.reference.schema else None
            whole = self.reference.counted([name], by_person)
            _same_type(name, counted.schema[column], whole.schema["0"], "reference")
            whole = whole.filter(pl.col("0").is_not_null()) if unknown else whole
        if not counted.height:
            return Diversity(None, None, None, None, attribute.distance)
        values = coded(pl.concat([counted[column], whole["0"].alias(column)]).alias(name))
        codes, of_whole = np.split(values.codes, [counted.height])
        # A class in which nothing is known is passed over.
        places = coded(pl.Series(self.classes.place(counted.select(self.classes.by.columns))))
        # In one order, whatever order they were counted in: sums are then the same to the last bit.
        order = np.lexsort((codes, places.codes))
        counts = counted[COUNT].to_numpy()
        histogram = Histogram(places.codes[order], codes[order], counts[order], places.values.len())
        weights = np.bincount(of_whole, whole[COUNT].to_numpy(), values.values.len())
        shares = np.asarray(weights / max(weights.sum(), 1.0), dtype=np.float64)
        return Diversity(
            distinct=int(distinct_values(histogram).min()),
            entropy=float(effective_values(histogram).min()),
            recursive=float(recursive_bound(histogram, int(attribute.l)).max()),
            t=float(distances(histogram, shares, ground_of(attribute, values.values)).max()),
            distance=attribute.distance,
        )


def _report(
    classes: _Classes,
    population: _Population | None,
    sensitive: Mapping[str, Diversity],
    threshold: float,
) -> RiskReport:
    sizes = classes.sizes
    table = _class_sizes(sizes)
    records, number = int(sizes.sum()), int(sizes.size)
    k = int(sizes.min()) if number else None
    exposed = table.filter(1.0 / pl.col("class_size") > threshold)["records"].sum()
    uniques = int((sizes == 1).sum())
    people = None if population is None else population.people
    k_map = int(people.min()) if people is not None and number else None
    shares = sizes / people if people is not None and k_map else None
    is_absent = population is not None and population.is_absent_somewhere
    lacking = classes.by.select(pl.any_horizontal(pl.all().is_null())).to_series().to_numpy()
    return RiskReport(
        records=records,
        classes=number,
        k=k,
        sensitive=sensitive,
        prosecutor_max=1.0 / k if k else None,
        prosecutor_mean=_share(number, records),
        marketer=_share(number, records),
        at_risk=_share(int(exposed), records),
        threshold=threshold,
        uniques=uniques,
        uniqueness=_share(uniques, records),
        incomplete=int(sizes[lacking].sum()) if number else 0,
        k_map=k_map,
        journalist_max=1.0 / k_map if k_map else None,
        journalist_mean=math.fsum(shares) / records if shares is not None else None,
        presence_min=None if shares is None else 0.0 if is_absent else float(shares.min()),
        presence_max=None if shares is None else float(shares.max()),
        class_sizes=table,
    )


def _check(
    source: Source,
    wanted: Sequence[str],
    quasi_identifiers: Sequence[str],
    population: pl.DataFrame | None,
) -> None:
    _lacks("the table", source.schema, wanted)
    for name in wanted:
        if source.schema[name].is_nested():
            raise ColumnError(
                f"Column {name!r}: expected single values, got {source.schema[name]}. Take the "
                "parts out into columns of their own."
            )
    if population is not None:
        _lacks("the population", population.schema, [*quasi_identifiers, "persons"])
        for name in quasi_identifiers:
            _same_type(name, source.schema[name], population.schema[name], "population")
        check_persons(population["persons"])


def _check_arguments(
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str | SensitiveAttribute],
    threshold: float,
    missing: str,
) -> None:
    for option, got in (("quasi_identifiers", quasi_identifiers), ("sensitive", sensitive)):
        if isinstance(got, str):
            raise ValueError(f"assess: {option}: expected a list of columns, got one string.")
    if not quasi_identifiers:
        raise ValueError("assess: expected at least one quasi-identifier.")
    if missing not in get_args(Missing):
        raise ValueError(f"missing: expected value or unknown; got {missing!r}.")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold: expected a risk from 0 to 1, got {threshold}.")


def _lacks(subject: str, schema: pl.Schema, wanted: Sequence[str]) -> None:
    absent = [name for name in wanted if name not in schema]
    if absent:
        raise ColumnError(f"assess: {subject} lacks the columns {', '.join(absent)}.")


def _same_type(name: str, here: pl.DataType, there: pl.DataType, other: str) -> None:
    if here != there:
        raise ColumnError(
            f"assess: column {name!r} is {here} in the table and {there} in the {other}. Give both "
            "the same type."
        )


def ground_of(attribute: SensitiveAttribute, values: pl.Series) -> Ground:
    """What it costs to turn one value of an attribute into another.

    Args:
        attribute: The attribute and its distance.
        values: Its distinct values, ascending, a missing one first.

    Raises:
        ColumnError: If the values have no order that the distance needs.
        HierarchyError: If the hierarchy does not cover them.
    """
    if attribute.distance == "ordered":
        return ordered_ground(values, attribute.order)
    if attribute.hierarchy is not None:
        return hierarchical_ground(values, attribute.hierarchy)
    return Ground()


def _people(
    classes: pl.DataFrame, quasi_identifiers: Sequence[str], population: pl.DataFrame | None
) -> _Population | None:
    """The population by the classes of the table."""
    if population is None:
        return None
    names = dict(zip(quasi_identifiers, classes.columns, strict=True))
    people = (
        population.rename(names)
        .group_by(classes.columns)
        .agg(pl.col("persons").sum().cast(pl.Int64).alias("__population"))
        .filter(pl.col("__population") > 0)
    )
    joined = classes.join(
        people, on=classes.columns, how="left", nulls_equal=True, maintain_order="left"
    )
    absent = people.join(classes, on=classes.columns, how="anti", nulls_equal=True).height
    found = joined["__population"].fill_null(0).to_numpy()
    return _Population(found, is_absent_somewhere=absent > 0)


def _class_sizes(sizes: Codes) -> pl.DataFrame:
    return (
        pl.DataFrame({"class_size": sizes}, schema={"class_size": pl.Int64})
        .group_by("class_size")
        .agg(classes=pl.len().cast(pl.Int64))
        .sort("class_size")
        .with_columns(records=pl.col("class_size") * pl.col("classes"))
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
