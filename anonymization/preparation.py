"""A counted table as the search sees it: codes, hierarchies laid over them, models and loss.

Belongs here: turning counts and a policy into classes of level 0 with what they must hold and what
they cost. Does not belong here: the counting (``grouping``), the search (``lattice``, ``local``,
``intervals``), the recoding of records (``recoding``).

Where a population is given, tuples that only it has are tuples without records: they are rolled up
with the others and make nothing fail by themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from anonymization.diversity import Histogram
from anonymization.equivalence import Attribute, Classes, Groups, Held, Mask, apart_classes, merged
from anonymization.grouping import Counted, Grouped, check_persons
from anonymization.hierarchies import TOP, Levels, exact_levels
from anonymization.losses import CellLoss, ClassLoss, cell_loss
from anonymization.models import Diverse, Model
from anonymization.packing import Coded, Codes, ColumnError, Keys, coded, packed, positions
from anonymization.parallel import side_by_side
from anonymization.policies import MicrodataPolicy, PolicyError, SensitiveAttribute
from anonymization.risk import ground_of

PERSONS = "persons"


@dataclass(frozen=True)
class Prepared:
    """A table as the search sees it.

    Attributes:
        names: The quasi-identifiers.
        columns: Their values; codes are those of the tuples.
        levels: Their hierarchies over these values.
        keys: Finds the tuple of a record.
        tuples: The distinct tuples as classes.
        model: What classes must hold.
        loss: What they cost.
    """

    names: tuple[str, ...]
    columns: tuple[Coded, ...]
    levels: tuple[Levels, ...]
    keys: Keys
    tuples: Classes
    model: Model
    loss: CellLoss | ClassLoss


def prepare(grouped: Grouped, policy: MicrodataPolicy, population: pl.DataFrame | None) -> Prepared:
    """Lay a policy over a counted table.

    Args:
        grouped: The counts.
        policy: What is asked.
        population: Persons by the same quasi-identifiers, where the policy asks for it.

    Raises:
        ColumnError: If a column has no order that a distance needs, or the population lacks one.
        HierarchyError: If a hierarchy does not cover its column.
        PolicyError: If the policy asks for a population and none is given, or the other way round.
    """
    people = _people(population, grouped.tuples.by, policy)
    given = side_by_side(
        coded,
        (
            series if people is None else pl.concat([series, people[series.name]])
            for series in grouped.tuples.by.get_columns()
        ),
    )
    groups = Groups(*packed([column.digit for column in given]))
    columns = tuple(Coded(column.codes[groups.first], column.values) for column in given)
    keys = Keys([column.digit for column in columns])
    levels = tuple(
        qi.hierarchy.levels(column.values)
        if qi.hierarchy and qi.name != policy.ordered
        else exact_levels(column.values)
        for qi, column in zip(policy.quasi_identifiers, columns, strict=True)
    )
    attributes = tuple(
        replace(
            _attribute(qi.name, laid, is_unmatched=policy.missing == "unmatched"),
            ambiguous=_ambiguous(laid) if policy.method == "local" else None,
        )
        for qi, laid in zip(policy.quasi_identifiers, levels, strict=True)
    )
    codes = tuple(column.codes for column in columns)
    lookup = _Lookup(columns, keys)
    own = groups.codes[: grouped.tuples.by.height]
    level = tuple(np.zeros(keys.keys.size, dtype=np.int64) for _ in columns)
    held = Held(
        counts=np.bincount(own, grouped.tuples.counts, keys.keys.size).astype(np.int64),
        persons=None if grouped.of_persons is None else lookup.sums(grouped.of_persons),
        crowd=None if grouped.crowd is None else lookup.histogram(grouped.crowd)[0],
        population=None if people is None else lookup.sums_of(people),
        apart=apart_classes(attributes, level, codes),
    )
    histograms, asked = [], []
    for attribute, counted, overall in zip(
        policy.sensitive, grouped.sensitive, grouped.overall, strict=True
    ):
        histogram, values, value_of = lookup.histogram(counted)
        histograms.append(histogram)
        asked.append(_asked(attribute, values, overall, value_of))
    tuples = Classes.finest(
        attributes,
        codes,
        Held(held.counts, tuple(histograms), held.persons, held.crowd, held.population, held.apart),
    )
    model = Model(policy.k, tuple(asked), policy.k_map or 0, policy.presence)
    names = tuple(qi.name for qi in policy.quasi_identifiers)
    return Prepared(
        names, columns, levels, keys, tuples, model, _loss(tuples, columns, levels, policy)
    )


def leaves(levels: Levels) -> Sequence[Codes]:
    """For each level and value, how many values of the domain share the label.

    Args:
        levels: The levels.
    """
    return [levels.leaves[name].cast(pl.Int64).to_numpy() for name in levels.leaves.columns]


@dataclass(frozen=True)
class _Lookup:
    """Which tuple a combination belongs to."""

    columns: tuple[Coded, ...]
    keys: Keys

    def place(self, by: pl.DataFrame) -> Codes:
        pairs = zip(self.columns, by.get_columns(), strict=True)
        return self.keys.place([positions(series, column.values) for column, series in pairs])

    def sums(self, counted: Counted) -> Codes:
        places = self.place(counted.by)
        # Sums of whole numbers are exact in floating point up to 2**53.
        return np.bincount(places, counted.counts, self.keys.keys.size).astype(np.int64)

    def sums_of(self, people: pl.DataFrame) -> Codes:
        names = [name for name in people.columns if name != PERSONS]
        counts = people[PERSONS].cast(pl.Int64).to_numpy()
        return self.sums(Counted(people.select(names), (), counts))

    def histogram(self, counted: Counted) -> tuple[Histogram, pl.Series, Codes | None]:
        """Counts by tuple and value; the values; the value of each code, where that differs."""
        first = coded(counted.values[0])
        codes, value_of = first.codes, None
        if len(counted.values) > 1:
            size = max(counted.values[1].len(), 1)
            persons = coded(counted.values[1]).codes
            pairs, codes = np.unique(codes * size + persons, return_inverse=True)
            value_of = pairs // size
        classes = self.place(counted.by)
        order = np.argsort(classes, kind="stable")
        counts = counted.counts[order]
        histogram = Histogram(classes[order], codes[order], counts, self.keys.keys.size)
        # Combinations that the source told apart may be one value here.
        whole = np.arange(histogram.number, dtype=np.int64)
        return merged(histogram, whole, histogram.number), first.values, value_of


def _people(
    population: pl.DataFrame | None, tuples: pl.DataFrame, policy: MicrodataPolicy
) -> pl.DataFrame | None:
    is_asked = policy.k_map is not None or policy.presence is not None
    if population is None:
        if is_asked:
            raise PolicyError("k_map, presence: need the population. Give it.")
        return None
    if not is_asked:
        raise PolicyError("A population is given, and the policy asks for no k_map or presence.")
    names = tuples.columns
    absent = [name for name in (*names, PERSONS) if name not in population.columns]
    if absent:
        raise ColumnError(f"The population lacks the columns {', '.join(absent)}.")
    for name in names:
        if population.schema[name] != tuples.schema[name]:
            raise ColumnError(
                f"Column {name!r} is {tuples.schema[name]} in the table and "
                f"{population.schema[name]} in the population. Give both the same type."
            )
    check_persons(population[PERSONS])
    return population.select(*names, PERSONS)


def _asked(
    attribute: SensitiveAttribute, values: pl.Series, overall: Counted, value_of: Codes | None
) -> Diverse:
    codes = positions(overall.values[0], values)
    counts = np.bincount(codes, overall.counts, values.len())
    return Diverse(
        least=float(attribute.l),
        diversity=attribute.diversity,
        c=attribute.c,
        t=attribute.t,
        ground=ground_of(attribute, values.alias(attribute.name)),
        overall=counts / max(counts.sum(), 1.0),
        value_of=value_of,
    )


def _attribute(name: str, levels: Levels, *, is_unmatched: bool) -> Attribute:
    # Ranked inside a struct: alone, a missing label would get no rank.
    ranked = (
        levels.labels[name].to_frame().select(pl.struct(pl.all()).rank("dense")).to_series()
        for name in levels.labels.columns[1:]
    )
    values = np.arange(levels.labels.height, dtype=np.int64)
    labels = (values, *(codes.cast(pl.Int64).to_numpy() - 1 for codes in ranked))
    lacking = levels.labels["0"].is_null().to_numpy()
    if not is_unmatched or not lacking.any():
        return Attribute(labels)
    # Column 0 in its own type, the others as text.
    become = levels.labels.filter(pl.Series(lacking)).row(0)
    if any(label not in (None, TOP) for label in become):
        raise PolicyError(
            f"Quasi-identifier {name!r}: its hierarchy says what a missing value becomes, and "
            "missing='unmatched' that it matches nothing. Take one of them back."
        )
    missing = [
        int(codes[lacking][0]) if levels.labels[level].null_count() else -1
        for level, codes in zip(levels.labels.columns, labels, strict=True)
    ]
    return Attribute(labels, np.array(missing, dtype=np.int64))


def _ambiguous(levels: Levels) -> Mask:
    """For each level and value whether its label is also that of other values on another level."""
    columns = levels.labels.columns
    texts = pl.concat(
        levels.labels.select(
            pl.col(name).cast(pl.String).alias("text"),
            pl.lit(level).alias("level"),
            pl.int_range(pl.len()).alias("value"),
        )
        for level, name in enumerate(columns)
    )
    here, anywhere = pl.len().over("text", "level"), pl.col("value").n_unique().over("text")
    return texts.select(here != anywhere).to_series().to_numpy().reshape(len(columns), -1)


def _loss(
    tuples: Classes,
    columns: Sequence[Coded],
    levels: Sequence[Levels],
    policy: MicrodataPolicy,
) -> CellLoss | ClassLoss:
    if policy.loss in ("discernibility", "aecs"):
        sizes = [attribute.sizes for attribute in tuples.attributes]
        return ClassLoss(policy.loss, policy.k, sizes, tuples.records)
    return cell_loss(
        policy.loss,
        tuples.attributes,
        [leaves(laid) for laid in levels],
        [laid.domain for laid in levels],
        [
            np.bincount(column.codes, tuples.counts, column.values.len()).astype(np.int64)
            for column in columns
        ],
        [qi.weight for qi in policy.quasi_identifiers],
        is_geometric=policy.aggregate == "geometric",
    )
