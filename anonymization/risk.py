"""How far persons in a table can be recognised: measures of a finished table.

Belongs here: what can be counted on any table, whoever made it. Does not belong here: making a
table safer (``anonymization.microdata``). Nothing of the search or the recoding is used, so that
``assess`` on a written file is an independent check of it.

Definitions. A class is the records that share all quasi-identifiers; missing is a value of its
own. Prosecutor (knows that the person is in the table): a record's risk is 1 / size of its class.
Journalist (does not know): 1 / size of its class in the population. Marketer (wants many right on
average): the mean of the prosecutor risks, which is classes / records. (El Emam and Dankar 2008;
Dankar and El Emam 2010 for the marketer.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import polars as pl

Missing = Literal["value", "unknown"]

_SIZE = "__persons"


@dataclass(frozen=True)
class RiskReport:
    """Risk of a table; counts and shares only. Fields are null for an empty table.

    Attributes:
        records: Records, or persons when a unit was named.
        classes: Classes of equal quasi-identifiers.
        k: Size of the smallest class.
        l: Least number of distinct values in a class, by sensitive attribute; null where no class
            has a known one.
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
        class_sizes: One row per size: ``class_size`` (records in the class), ``classes`` and
            ``records`` (numbers of each).
    """

    records: int
    classes: int
    k: int | None
    l: Mapping[str, int | None]  # noqa: E741 - the literature's name
    prosecutor_max: float | None
    prosecutor_mean: float | None
    marketer: float | None
    at_risk: float | None
    threshold: float
    uniques: int
    uniqueness: float | None
    k_map: int | None
    journalist_max: float | None
    class_sizes: pl.DataFrame = field(repr=False)


def assess(
    frame: pl.DataFrame | pl.LazyFrame,
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str] = (),
    *,
    unit: str | None = None,
    population: pl.DataFrame | None = None,
    threshold: float = 0.2,
    missing: Missing = "value",
) -> RiskReport:
    """Measure the risk of any table.

    Args:
        frame: The table.
        quasi_identifiers: Columns by which somebody could recognise a person.
        sensitive: Columns nobody should learn of a person.
        unit: Column that tells persons apart when a person may have several records; classes are
            then counted in persons.
        population: The public population by the same quasi-identifiers, with ``persons``.
        threshold: Prosecutor risk (0 to 1) above which a record counts as at risk; 0.2 is one in
            a class of five.
        missing: ``value`` counts a missing sensitive value as one more value. ``unknown`` does not
            count it and passes over classes in which nothing is known: there is nothing to learn
            where an attribute has been removed.

    Returns:
        The measures.

    Raises:
        ValueError: If a column is missing, no quasi-identifier is named or an option is unknown.
    """
    data = frame.lazy().collect()
    wanted = [*quasi_identifiers, *sensitive, *([unit] if unit else [])]
    _check(data, wanted, quasi_identifiers, population, missing)
    classes = _classes(data, quasi_identifiers, sensitive, unit, missing)
    sizes = (
        classes.group_by(pl.col(_SIZE).alias("class_size"))
        .agg(classes=pl.len().cast(pl.Int64))
        .sort("class_size")
        .with_columns(records=pl.col("class_size") * pl.col("classes"))
    )
    records, number = int(classes[_SIZE].sum()), classes.height
    k = _least(classes, _SIZE)
    uniques = int(sizes.filter(pl.col("class_size") == 1)["records"].sum())
    exposed = sizes.filter(1.0 / pl.col("class_size") > threshold)["records"].sum()
    k_map = _k_map(classes, quasi_identifiers, population)
    return RiskReport(
        records=records,
        classes=number,
        k=k,
        l={name: _least(classes, f"__l_{index}") for index, name in enumerate(sensitive)},
        prosecutor_max=1.0 / k if k else None,
        prosecutor_mean=_share(number, records),
        marketer=_share(number, records),
        at_risk=_share(int(exposed), records),
        threshold=threshold,
        uniques=uniques,
        uniqueness=_share(uniques, records),
        k_map=k_map,
        journalist_max=1.0 / k_map if k_map else None,
        class_sizes=sizes,
    )


def _check(
    data: pl.DataFrame,
    wanted: Sequence[str],
    quasi_identifiers: Sequence[str],
    population: pl.DataFrame | None,
    missing: str,
) -> None:
    if not quasi_identifiers:
        raise ValueError("assess: expected at least one quasi-identifier.")
    if missing not in get_args(Missing):
        raise ValueError(f"missing: expected value or unknown; got {missing!r}.")
    absent = [name for name in wanted if name not in data.columns]
    if absent:
        raise ValueError(f"assess: the table lacks the columns {', '.join(absent)}.")
    if population is not None:
        absent = [n for n in (*quasi_identifiers, "persons") if n not in population.columns]
        if absent:
            raise ValueError(f"assess: the population lacks the columns {', '.join(absent)}.")


def _classes(
    data: pl.DataFrame,
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str],
    unit: str | None,
    missing: Missing,
) -> pl.DataFrame:
    size = pl.col(unit).n_unique() if unit else pl.len()
    diversity = []
    for index, name in enumerate(sensitive):
        distinct = pl.col(name).n_unique()
        if missing == "unknown":
            known = pl.col(name).drop_nulls().n_unique()
            distinct = pl.when(known > 0).then(known)
        diversity.append(distinct.cast(pl.Int64).alias(f"__l_{index}"))
    return data.group_by(quasi_identifiers).agg(size.cast(pl.Int64).alias(_SIZE), *diversity)


def _k_map(
    classes: pl.DataFrame, quasi_identifiers: Sequence[str], population: pl.DataFrame | None
) -> int | None:
    if population is None:
        return None
    people = population.group_by(quasi_identifiers).agg(
        pl.col("persons").sum().cast(pl.Int64).alias("__population")
    )
    joined = classes.join(people, on=quasi_identifiers, how="left", nulls_equal=True)
    return _least(joined.with_columns(pl.col("__population").fill_null(0)), "__population")


def _least(classes: pl.DataFrame, column: str) -> int | None:
    return classes.select(pl.col(column).min()).item()  # type: ignore[no-any-return]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
