"""The microdata door: person-level tables that are k-anonymous and diverse.

Belongs here: ``anonymize``, from a frame and a policy to a table with its loss and its evidence.
Does not belong here: the policy itself (``policies``), hierarchies (``hierarchies``), what classes
must hold and cost (``models``, ``losses``), the search (``lattice``), the measuring of finished
tables (``risk``), reading and writing.

The result is k-anonymous, not anonymous: it stays personal data in law.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import polars as pl

from anonymization.diversity import Histogram, distinct_values
from anonymization.equivalence import Attribute, Classes
from anonymization.hierarchies import Levels, exact_levels
from anonymization.lattice import Evidence, Solution, optimise
from anonymization.losses import ClassLoss, Loss, cell_loss
from anonymization.models import Diverse, Model
from anonymization.packing import Coded, Codes, ColumnError, coded, packed
from anonymization.policies import MicrodataPolicy, SensitiveAttribute
from anonymization.risk import ground_of


class NoSolutionError(ValueError):
    """No generalisation satisfies the policy."""


@dataclass(frozen=True)
class MicrodataReport:
    """What was done to a table; counts only.

    Attributes:
        records: Records given.
        suppressed: Records left out because their class fails.
        classes: Classes of equal quasi-identifiers in the table made.
        smallest_class: Records of the smallest of them; null when the table is empty.
        diversity: Least number of distinct values in a class, by sensitive attribute; null when
            the table is empty.
        loss_by_attribute: Normalised certainty penalty of the records that stay, by
            quasi-identifier, whichever loss was minimised. Empty when no record stays.
        dropped_columns: Columns that the policy does not name.
        evidence: Why the solution is the best one.
    """

    records: int
    suppressed: int
    classes: int
    smallest_class: int | None
    diversity: Mapping[str, int | None]
    loss_by_attribute: Mapping[str, float]
    dropped_columns: tuple[str, ...]
    evidence: Evidence


@dataclass(frozen=True)
class Anonymized:
    """A table that holds to its policy.

    Attributes:
        table: The records that stay, in their order; the columns the policy names. A generalised
            column is text, one left at level 0 keeps its type.
        levels: Level of each quasi-identifier (0: as it was).
        loss: Loss of the whole table by the policy's measure; the least possible under the policy.
        suppressed: Number of records left out.
        suppressed_rows: Their positions in the frame given, from 0. Not printed.
        report: Counts, and the evidence that the loss is the least possible.
    """

    table: pl.DataFrame = field(repr=False)
    levels: Mapping[str, int]
    loss: float
    suppressed: int
    suppressed_rows: pl.Series = field(repr=False)
    report: MicrodataReport


def anonymize(frame: pl.DataFrame | pl.LazyFrame, policy: MicrodataPolicy) -> Anonymized:
    """Generalise a table as little as possible so that it holds to a policy.

    Args:
        frame: One record per person.
        policy: What it must hold to.

    Returns:
        The table with the levels chosen, the loss and the report.

    Raises:
        ColumnError: If the frame lacks a column that the policy names, or one holds lists or has no
            order that a distance needs.
        HierarchyError: If a hierarchy does not cover its column.
        NoSolutionError: If no generalisation keeps within the suppression limit.
        LatticeTooLargeError: If there are too many combinations of levels for an exact search.
    """
    data = frame.lazy().collect()
    missing = [name for name in policy.columns if name not in data.columns]
    if missing:
        raise ColumnError(f"The table lacks columns that the policy names: {', '.join(missing)}.")
    prepared = _prepare(data, policy)
    allowed = math.floor(Fraction(str(policy.suppression_limit)) * data.height)
    solution = optimise(prepared.tuples, prepared.model, _loss(prepared, policy), allowed)
    if solution is None:
        raise NoSolutionError(
            f"No generalisation of {data.height} records reaches k={policy.k} and what is asked of "
            f"sensitive attributes with at most {allowed} records suppressed. Raise the "
            "suppression limit, give every quasi-identifier a hierarchy, or ask for less."
        )
    chosen = solution.classes.levels
    stays = _stays(prepared, solution)
    recoded = [
        prepared.recoded(data[qi.name], index, level).alias(qi.name)
        for index, (qi, level) in enumerate(zip(policy.quasi_identifiers, chosen, strict=True))
    ]
    table = data.select(policy.columns).with_columns(recoded).filter(stays)
    return Anonymized(
        table=table,
        levels=dict(zip(prepared.names, chosen, strict=True)),
        loss=solution.loss,
        suppressed=solution.suppressed,
        suppressed_rows=(~stays).arg_true().alias("row"),
        report=_report(data, policy, prepared, solution),
    )


@dataclass(frozen=True)
class _Prepared:
    """A table as the search sees it."""

    names: tuple[str, ...]
    columns: tuple[Coded, ...]
    levels: tuple[Levels, ...]
    key: Codes
    first: Codes
    tuples: Classes
    model: Model

    def recoded(self, column: pl.Series, index: int, level: int) -> pl.Series:
        """A column at a level; as it was at level 0."""
        if level == 0:
            return column
        labels = self.levels[index].labels[str(level)]
        return labels.gather(pl.Series(self.columns[index].codes))


def _prepare(data: pl.DataFrame, policy: MicrodataPolicy) -> _Prepared:
    """Group the records once; the search never sees them again."""
    columns = tuple(coded(data[qi.name]) for qi in policy.quasi_identifiers)
    levels = tuple(
        qi.hierarchy.levels(column.values) if qi.hierarchy else exact_levels(column.values)
        for qi, column in zip(policy.quasi_identifiers, columns, strict=True)
    )
    key, size = packed([column.digit for column in columns])
    grouped = _group(key)
    first, counts = grouped["row"].to_numpy(), grouped["size"].to_numpy()
    histograms, asked = [], []
    for attribute in policy.sensitive:
        values = coded(data[attribute.name])
        histograms.append(_histogram((key, size), values, grouped["key"]))
        asked.append(_asked(attribute, values))
    attributes = tuple(_attribute(laid) for laid in levels)
    tuples = Classes(
        attributes,
        (0,) * len(attributes),
        tuple(column.codes[first] for column in columns),
        counts,
        tuple(histograms),
    )
    names = tuple(qi.name for qi in policy.quasi_identifiers)
    return _Prepared(names, columns, levels, key, first, tuples, Model(policy.k, tuple(asked)))


def _group(key: Codes) -> pl.DataFrame:
    """Each distinct key once, ascending, with a row that has it and the number of such rows."""
    return (
        pl.DataFrame({"key": key})
        .with_row_index("row")
        .group_by("key")
        .agg(pl.col("row").first().cast(pl.Int64), pl.len().cast(pl.Int64).alias("size"))
        .sort("key")
    )


def _histogram(key: tuple[Codes, int], values: Coded, tuples: pl.Series) -> Histogram:
    pairs = _group(packed([key, values.digit])[0])
    rows = pairs["row"].to_numpy()
    classes = np.searchsorted(tuples.to_numpy(), key[0][rows])
    order = np.argsort(classes, kind="stable")
    return Histogram(
        classes[order].astype(np.int64),
        values.codes[rows][order],
        pairs["size"].to_numpy()[order],
        tuples.len(),
    )


def _asked(attribute: SensitiveAttribute, values: Coded) -> Diverse:
    counts = np.bincount(values.codes, minlength=values.values.len())
    return Diverse(
        least=attribute.l,
        diversity=attribute.diversity,
        c=attribute.c,
        t=attribute.t,
        ground=ground_of(attribute, values.values),
        overall=counts / max(values.codes.size, 1),
    )


def _attribute(levels: Levels) -> Attribute:
    # Ranked inside a struct: alone, a missing label would get no rank.
    ranked = (
        levels.labels[name].to_frame().select(pl.struct(pl.all()).rank("dense")).to_series()
        for name in levels.labels.columns[1:]
    )
    values = np.arange(levels.labels.height, dtype=np.int64)
    return Attribute((values, *(codes.cast(pl.Int64).to_numpy() - 1 for codes in ranked)))


def _loss(prepared: _Prepared, policy: MicrodataPolicy) -> Loss:
    attributes = prepared.tuples.attributes
    if policy.loss in ("discernibility", "aecs"):
        sizes = [attribute.sizes() for attribute in attributes]
        return ClassLoss(policy.loss, policy.k, sizes, prepared.tuples.records)
    return cell_loss(
        policy.loss,
        attributes,
        [_leaves(laid) for laid in prepared.levels],
        [laid.domain for laid in prepared.levels],
        [_records_by_value(prepared, index) for index in range(len(attributes))],
        [qi.weight for qi in policy.quasi_identifiers],
        is_geometric=policy.aggregate == "geometric",
    )


def _leaves(levels: Levels) -> Sequence[Codes]:
    return [levels.leaves[name].cast(pl.Int64).to_numpy() for name in levels.leaves.columns]


def _records_by_value(prepared: _Prepared, index: int) -> Codes:
    tuples = prepared.tuples
    size = prepared.columns[index].values.len()
    return np.bincount(tuples.labels[index], tuples.counts, size).astype(np.int64)


def _stays(prepared: _Prepared, solution: Solution) -> pl.Series:
    """For each record whether it stays."""
    if not solution.suppressed:
        return pl.Series(np.ones(prepared.key.size, dtype=np.bool_))
    # The class of each tuple, found by grouping tuples and classes alike.
    tuples, classes = prepared.tuples, solution.classes
    digits = [
        (
            np.concatenate([attribute.step(0, level)[codes], labels]),
            attribute.sizes()[level],
        )
        for attribute, level, codes, labels in zip(
            tuples.attributes, classes.levels, tuples.labels, classes.labels, strict=True
        )
    ]
    keys = packed(digits)[0]
    failing = pl.Series(keys[tuples.number :][solution.fails])
    fails = pl.Series(keys[: tuples.number]).is_in(failing.implode()).to_numpy()
    gone = pl.Series(prepared.key[prepared.first[fails]])
    return ~pl.Series(prepared.key).is_in(gone.implode())


def _report(
    data: pl.DataFrame, policy: MicrodataPolicy, prepared: _Prepared, solution: Solution
) -> MicrodataReport:
    classes, stays = solution.classes, ~solution.fails
    sizes = classes.counts[stays]
    least = [
        distinct_values(histogram)[stays] if sizes.size else None
        for histogram in classes.histograms
    ]
    return MicrodataReport(
        records=data.height,
        suppressed=solution.suppressed,
        classes=int(sizes.size),
        smallest_class=int(sizes.min()) if sizes.size else None,
        diversity={
            attribute.name: None if values is None else int(values.min())
            for attribute, values in zip(policy.sensitive, least, strict=True)
        },
        loss_by_attribute=_penalties(prepared, solution),
        dropped_columns=tuple(c for c in data.columns if c not in policy.columns),
        evidence=solution.evidence,
    )


def _penalties(prepared: _Prepared, solution: Solution) -> dict[str, float]:
    classes, stays = solution.classes, ~solution.fails
    sizes = classes.counts[stays]
    if not sizes.size:
        return {}
    penalties = {}
    for index, (name, laid) in enumerate(zip(prepared.names, prepared.levels, strict=True)):
        level = classes.levels[index]
        labels = classes.attributes[index].labels[level]
        leaves = np.zeros(classes.attributes[index].sizes()[level])
        leaves[labels] = _leaves(laid)[level]
        penalty = (leaves[classes.labels[index][stays]] - 1.0) / max(laid.domain - 1, 1)
        penalties[name] = float((penalty * sizes).sum() / sizes.sum())
    return penalties
