"""How far persons in a table can be recognised: measures of a finished table.

Belongs here: what can be counted on any table, whoever made it. Does not belong here: making a
table safer (``anonymization.microdata``). Nothing of the search or the recoding is used: classes
are made anew from the table's own values, so that ``assess`` on a written file is an independent
check of it. The formulas of l and t (``diversity``, ``closeness``) are shared, and held to slow
counts by tests.

Definitions. A class is the records that share all quasi-identifiers; missing is a value of its
own. Prosecutor (knows that the person is in the table): a record's risk is 1 / size of its class.
Journalist (does not know): 1 / size of its class in the population. Marketer (wants many right on
average): the mean of the prosecutor risks, which is classes / records. (El Emam and Dankar 2008;
Dankar and El Emam 2010 for the marketer.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import polars as pl

from anonymization.closeness import Ground, distances, hierarchical_ground, ordered_ground
from anonymization.diversity import (
    Histogram,
    Measures,
    distinct_values,
    effective_values,
    recursive_bound,
)
from anonymization.packing import Coded, Codes, ColumnError, coded, packed
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
        k_map: Size in the population of the smallest class that occurs in the table; 0 when one
            does not occur in the population at all; null without a population.
        journalist_max: 1 / k_map; null without a population or when k_map is 0.
        journalist_mean: Mean over records of 1 / size of their class in the population; null
            without a population or when k_map is 0.
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
    k_map: int | None
    journalist_max: float | None
    journalist_mean: float | None
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
    frame: pl.DataFrame | pl.LazyFrame,
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str | SensitiveAttribute] = (),
    *,
    unit: str | None = None,
    population: pl.DataFrame | None = None,
    reference: pl.DataFrame | None = None,
    threshold: float = 0.2,
    missing: Missing = "value",
) -> RiskReport:
    """Measure the risk of any table.

    Args:
        frame: The table.
        quasi_identifiers: Columns by which somebody could recognise a person.
        sensitive: Columns nobody should learn of a person; by name, or as attributes that say
            which distance and which l to measure by.
        unit: Column that tells persons apart when a person may have several records; classes, and
            values within them, are then counted in persons.
        population: The public population by the same quasi-identifiers, with ``persons``.
        reference: The table whose distribution of sensitive values t is measured from, such as the
            one before records were suppressed; the table itself by default. Rows, whatever the
            unit.
        threshold: Prosecutor risk (0 to 1) above which a record counts as at risk; 0.2 is one in
            a class of five.
        missing: ``value`` counts a missing sensitive value as one more value. ``unknown`` does not
            count it and passes over classes in which nothing is known: there is nothing to learn
            where an attribute has been removed.

    Returns:
        The measures.

    Raises:
        ColumnError: If a column is missing, holds lists, or has no order that a distance needs.
        ValueError: If no quasi-identifier is named or an option is unknown.
        HierarchyError: If the hierarchy of a distance does not cover a sensitive attribute.
    """
    attributes = [SensitiveAttribute(a) if isinstance(a, str) else a for a in sensitive]
    names = [attribute.name for attribute in attributes]
    wanted = [*quasi_identifiers, *names, *([unit] if unit else [])]
    _check(frame, wanted, quasi_identifiers, population, missing)
    data = frame.lazy().select(list(dict.fromkeys(wanted))).collect()
    if reference is not None:
        _lacks("the reference", reference, names)
    key = packed([coded(data[name]).digit for name in quasi_identifiers])
    persons = coded(data[unit]).digit if unit else None
    first, sizes = _counted(key, persons)
    people = _people(data, first, quasi_identifiers, population)
    return _report(
        sizes,
        people,
        {a.name: _diversity(data, key, persons, a, reference, missing) for a in attributes},
        threshold,
    )


def _report(
    sizes: Codes, people: Codes | None, sensitive: Mapping[str, Diversity], threshold: float
) -> RiskReport:
    table = _class_sizes(sizes)
    records, number = int(sizes.sum()), int(sizes.size)
    k = int(sizes.min()) if number else None
    exposed = table.filter(1.0 / pl.col("class_size") > threshold)["records"].sum()
    uniques = int((sizes == 1).sum())
    k_map = int(people.min()) if people is not None and number else None
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
        k_map=k_map,
        journalist_max=1.0 / k_map if k_map else None,
        journalist_mean=(
            float((sizes / people).sum() / records) if people is not None and k_map else None
        ),
        class_sizes=table,
    )


def _check(
    frame: pl.DataFrame | pl.LazyFrame,
    wanted: Sequence[str],
    quasi_identifiers: Sequence[str],
    population: pl.DataFrame | None,
    missing: str,
) -> None:
    if not quasi_identifiers:
        raise ValueError("assess: expected at least one quasi-identifier.")
    if missing not in get_args(Missing):
        raise ValueError(f"missing: expected value or unknown; got {missing!r}.")
    _lacks("the table", frame, wanted)
    if population is not None:
        _lacks("the population", population, [*quasi_identifiers, "persons"])
        schema = frame.collect_schema()
        for name in quasi_identifiers:
            _same_type(name, schema[name], population.schema[name], "population")


def _lacks(subject: str, frame: pl.DataFrame | pl.LazyFrame, wanted: Sequence[str]) -> None:
    present = frame.collect_schema().names()
    absent = [name for name in wanted if name not in present]
    if absent:
        raise ColumnError(f"assess: {subject} lacks the columns {', '.join(absent)}.")


def _same_type(name: str, here: pl.DataType, there: pl.DataType, other: str) -> None:
    if here != there:
        raise ColumnError(
            f"assess: column {name!r} is {here} in the table and {there} in the {other}. Give both "
            "the same type."
        )


def _counted(key: tuple[Codes, int], persons: tuple[Codes, int] | None) -> tuple[Codes, Codes]:
    """A row of each distinct key, and how many rows, or persons, have it."""
    rows = pl.DataFrame({"key": key[0]}).with_row_index("row")
    if persons is not None:
        each = rows.with_columns(pair=packed([key, persons])[0]).group_by("pair").first()
        rows = each.select("row", "key")
    counted = rows.group_by("key").agg(pl.col("row").min(), pl.len().alias("size")).sort("row")
    return counted["row"].cast(pl.Int64).to_numpy(), counted["size"].cast(pl.Int64).to_numpy()


def _diversity(
    data: pl.DataFrame,
    key: tuple[Codes, int],
    persons: tuple[Codes, int] | None,
    attribute: SensitiveAttribute,
    reference: pl.DataFrame | None,
    missing: Missing,
) -> Diversity:
    column, whole = _values(data[attribute.name], attribute.name, reference)
    codes = column.codes[: data.height]
    overall = column.codes if whole is None else column.codes[data.height :]
    known = np.ones(data.height, dtype=np.bool_)
    if missing == "unknown" and column.values.null_count():
        known, overall = codes != 0, overall[overall != 0]
    if persons is not None:
        persons = (persons[0][known], persons[1])
    histogram = _histogram((key[0][known], key[1]), (codes[known], column.digit[1]), persons)
    if not histogram.number:
        return Diversity(None, None, None, None, attribute.distance)
    shares = _shares(overall, column.digit[1])
    if whole is None and persons is not None:
        # The whole is what the classes add up to, counted in persons like them.
        counts = np.bincount(histogram.values, histogram.counts, column.digit[1])
        shares = np.asarray(counts / counts.sum(), dtype=np.float64)
    return Diversity(
        distinct=int(distinct_values(histogram).min()),
        entropy=float(effective_values(histogram).min()),
        recursive=float(recursive_bound(histogram, int(attribute.l)).max()),
        t=float(distances(histogram, shares, ground_of(attribute, column.values)).max()),
        distance=attribute.distance,
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


def _values(
    column: pl.Series, name: str, reference: pl.DataFrame | None
) -> tuple[Coded, pl.Series | None]:
    """Codes of the column, followed by those of the reference's."""
    if reference is None:
        return coded(column), None
    whole = reference[name]
    _same_type(name, column.dtype, whole.dtype, "reference")
    return coded(pl.concat([column, whole])), whole


def _shares(codes: Codes, size: int) -> Measures:
    counts = np.bincount(codes, minlength=size)
    return np.asarray(counts / max(codes.size, 1), dtype=np.float64)


def _histogram(
    key: tuple[Codes, int], values: tuple[Codes, int], persons: tuple[Codes, int] | None
) -> Histogram:
    first, counts = _counted(packed([key, values]), persons)
    classes = coded(pl.Series(key[0][first]))
    order = np.argsort(classes.codes, kind="stable")
    return Histogram(classes.codes[order], values[0][first][order], counts[order], classes.digit[1])


def _people(
    data: pl.DataFrame,
    first: Codes,
    quasi_identifiers: Sequence[str],
    population: pl.DataFrame | None,
) -> Codes | None:
    """Persons of the population in each class of the table."""
    if population is None:
        return None
    people = population.group_by(quasi_identifiers).agg(
        pl.col("persons").sum().cast(pl.Int64).alias("__population")
    )
    classes = data.select(pl.col(quasi_identifiers).gather(pl.Series(first)))
    joined = classes.join(
        people, on=quasi_identifiers, how="left", nulls_equal=True, maintain_order="left"
    )
    return joined["__population"].fill_null(0).to_numpy()


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
