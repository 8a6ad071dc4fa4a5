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
from numpy.typing import NDArray

from anonymization.diversity import Histogram, distinct_values
from anonymization.equivalence import Attribute, Classes, merged
from anonymization.hierarchies import Levels, exact_levels
from anonymization.lattice import Evidence, Solution, optimise
from anonymization.local import Recoding, class_of_tuple, refine
from anonymization.losses import CellLoss, ClassLoss, cell_loss
from anonymization.models import Diverse, Held, Model
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
        evidence: Why the global solution, from which local recoding starts, is the best one.
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
        levels: Level of each quasi-identifier (0: as it was); empty after local recoding, where
            they differ from class to class.
        loss: Loss of the whole table by the policy's measure. Global: the least possible under the
            policy. Local: no more than that, which is the report's ``evidence.best_loss``.
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
    loss = _loss(prepared, policy)
    solution = optimise(prepared.tuples, prepared.model, loss, allowed)
    if solution is None:
        raise NoSolutionError(
            f"No generalisation of {data.height} records reaches k={policy.k} and what is asked of "
            f"sensitive attributes with at most {allowed} records suppressed. Raise the "
            "suppression limit, give every quasi-identifier a hierarchy, or ask for less."
        )
    if policy.method == "local":
        recoding = refine(prepared.tuples, prepared.model, loss, solution)
        outcome = _local(data, prepared, recoding)
    else:
        outcome = _global(data, prepared, solution)
    stays = pl.Series("row", outcome.stays)
    return Anonymized(
        table=data.select(policy.columns).with_columns(outcome.columns).filter(stays),
        levels=outcome.levels,
        loss=outcome.loss,
        suppressed=outcome.suppressed,
        suppressed_rows=(~stays).arg_true(),
        report=_report(data, policy, outcome, solution),
    )


@dataclass(frozen=True)
class _Outcome:
    """What a method made of a table."""

    columns: list[pl.Series]
    stays: NDArray[np.bool_]
    levels: Mapping[str, int]
    held: Held
    penalties: Mapping[str, float]
    loss: float
    suppressed: int


@dataclass(frozen=True)
class _Prepared:
    """A table as the search sees it."""

    names: tuple[str, ...]
    columns: tuple[Coded, ...]
    levels: tuple[Levels, ...]
    key: Codes
    keys: Codes
    tuples: Classes
    model: Model

    def recoded(self, column: pl.Series, index: int, levels: int | Codes) -> pl.Series:
        """A column at a level, or at one for each row; as it was where that is 0 throughout."""
        if not np.any(levels):
            return column
        labels = self.levels[index].labels
        place = levels * labels.height + self.columns[index].codes
        texts = pl.concat([labels[name].cast(pl.String).alias("0") for name in labels.columns])
        return texts.gather(pl.Series(place)).alias(column.name)

    def tuple_of_row(self) -> Codes:
        """The tuple of each row."""
        return np.searchsorted(self.keys, self.key).astype(np.int64)


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
    keys = grouped["key"].to_numpy()
    return _Prepared(names, columns, levels, key, keys, tuples, Model(policy.k, tuple(asked)))


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


def _loss(prepared: _Prepared, policy: MicrodataPolicy) -> CellLoss | ClassLoss:
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


def _global(data: pl.DataFrame, prepared: _Prepared, solution: Solution) -> _Outcome:
    classes, tuples = solution.classes, prepared.tuples
    stays = np.ones(prepared.key.size, dtype=np.bool_)
    kept = np.ones(tuples.number, dtype=np.bool_)
    if solution.suppressed:
        kept = ~solution.fails[class_of_tuple(tuples, classes)]
        gone = pl.Series(prepared.keys[~kept])
        stays = (~pl.Series(prepared.key).is_in(gone.implode())).to_numpy()
    levels = [np.full(tuples.number, level, dtype=np.int64) for level in classes.levels]
    staying = np.flatnonzero(~solution.fails)
    number = np.full(classes.number, -1, dtype=np.int64)
    number[staying] = np.arange(staying.size)
    return _Outcome(
        columns=[
            prepared.recoded(data[name], index, level)
            for index, (name, level) in enumerate(zip(prepared.names, classes.levels, strict=True))
        ],
        stays=stays,
        levels=dict(zip(prepared.names, classes.levels, strict=True)),
        held=Held(
            classes.counts[staying],
            tuple(merged(h, number, int(staying.size)) for h in classes.histograms),
        ),
        penalties=_penalties(prepared, levels, kept),
        loss=solution.loss,
        suppressed=solution.suppressed,
    )


def _local(data: pl.DataFrame, prepared: _Prepared, recoding: Recoding) -> _Outcome:
    kept = recoding.classes >= 0
    by_class = np.concatenate([recoding.levels, np.zeros((1, len(prepared.names)), np.int64)])
    # What is suppressed points at the last row, and is filtered out.
    levels = list(by_class[recoding.classes].T)
    rows = prepared.tuple_of_row()
    return _Outcome(
        columns=[
            prepared.recoded(data[name], index, levels[index][rows])
            for index, name in enumerate(prepared.names)
        ],
        stays=kept[rows],
        levels={},
        held=recoding.held,
        penalties=_penalties(prepared, levels, kept),
        loss=recoding.loss,
        suppressed=recoding.suppressed,
    )


def _report(
    data: pl.DataFrame, policy: MicrodataPolicy, outcome: _Outcome, solution: Solution
) -> MicrodataReport:
    sizes = outcome.held.counts
    return MicrodataReport(
        records=data.height,
        suppressed=outcome.suppressed,
        classes=int(sizes.size),
        smallest_class=int(sizes.min()) if sizes.size else None,
        diversity={
            attribute.name: int(distinct_values(histogram).min()) if sizes.size else None
            for attribute, histogram in zip(policy.sensitive, outcome.held.histograms, strict=True)
        },
        loss_by_attribute=outcome.penalties,
        dropped_columns=tuple(c for c in data.columns if c not in policy.columns),
        evidence=solution.evidence,
    )


def _penalties(
    prepared: _Prepared, levels: Sequence[Codes], kept: NDArray[np.bool_]
) -> dict[str, float]:
    """Mean normalised certainty penalty of the records that stay, by quasi-identifier."""
    tuples = prepared.tuples
    counts = tuples.counts[kept]
    if not counts.size:
        return {}
    penalties = {}
    for index, (name, laid) in enumerate(zip(prepared.names, prepared.levels, strict=True)):
        leaves = np.stack(_leaves(laid))[levels[index][kept], tuples.labels[index][kept]]
        penalty = (leaves - 1.0) / max(laid.domain - 1, 1)
        penalties[name] = float((penalty * counts).sum() / counts.sum())
    return penalties
