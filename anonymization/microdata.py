"""The microdata door: person-level tables that are k-anonymous and diverse.

Belongs here: ``anonymize``, from a frame and a policy to a table with its loss and its evidence,
and the two halves of it for tables larger than memory: ``solve``, which sees only counts, and the
recoding that follows from it. Does not belong here: the policy itself (``policies``), hierarchies
(``hierarchies``), counting (``grouping``), what classes must hold and cost (``models``,
``losses``), the search (``lattice``, ``local``, ``intervals``), the measuring of finished tables
(``risk``), reading and writing.

The result is k-anonymous, not anonymous: it stays personal data in law.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np
import polars as pl

from anonymization.diversity import by_value, distinct_values
from anonymization.equivalence import Held, Mask
from anonymization.grouping import Frame, Source, group
from anonymization.intervals import PartitionEvidence, partition
from anonymization.lattice import Evidence, Progress, Solution, optimise
from anonymization.local import Recoding, refine
from anonymization.packing import Codes, ColumnError
from anonymization.policies import MicrodataPolicy, PolicyError
from anonymization.preparation import PERSONS, Prepared, leaves, prepare
from anonymization.recoding import Recoder, Shown, by_level, by_levels

# Records that are recoded at a time.
_BATCH: Final = 500_000


class NoSolutionError(ValueError):
    """No generalisation satisfies the policy."""


@dataclass(frozen=True)
class MicrodataReport:
    """What was done to a table; counts only.

    Attributes:
        records: Records given.
        persons: Persons given; records, unless the policy tells persons apart.
        suppressed: Records left out because their class fails.
        classes: Classes of equal quasi-identifiers in the table made.
        smallest_class: Persons of the smallest of them; null when the table is empty.
        smallest_in_population: Persons of the population in the smallest of them; null when the
            table is empty or no population was asked for.
        diversity: Least number of distinct values in a class, by sensitive attribute; null when
            the table is empty.
        loss_by_attribute: Normalised certainty penalty of the records that stay, by
            quasi-identifier, whichever loss was minimised. Empty when no record stays.
        dropped_columns: Columns that the table does not show.
        evidence: Why the solution is the best one, or how far from it it may be; for local
            recoding, the same of the global solution that it starts from.
        missing: What a missing quasi-identifier was taken for: ``value`` or ``unmatched``.
    """

    records: int
    persons: int
    suppressed: int
    classes: int
    smallest_class: int | None
    smallest_in_population: int | None
    diversity: Mapping[str, int | None]
    loss_by_attribute: Mapping[str, float]
    dropped_columns: tuple[str, ...]
    evidence: Evidence | PartitionEvidence
    missing: str


@dataclass(frozen=True)
class Anonymized:
    """A table that holds to its policy.

    Attributes:
        table: The records that stay, in their order; the columns the policy names. A generalised
            column is text, one left at level 0 keeps its type.
        levels: Level of each quasi-identifier (0: as it was); empty after local recoding, where
            they differ from class to class, and after a partition.
        loss: Loss of the whole table by the policy's measure. Global and partition: the least
            possible under the policy, unless the evidence leaves nodes open. Local: no more than
            the least global one, which is the report's ``evidence.best_loss``.
        suppressed: Number of records left out.
        suppressed_rows: Their positions in the frame given, from 0. Not printed.
        population: The population recoded like the table, with ``persons``, without classes that
            are suppressed; none where none was asked for.
        report: Counts, and the evidence that the loss is the least possible.
    """

    table: pl.DataFrame = field(repr=False)
    levels: Mapping[str, int]
    loss: float
    suppressed: int
    suppressed_rows: pl.Series = field(repr=False)
    population: pl.DataFrame | None = field(repr=False)
    report: MicrodataReport


@dataclass(frozen=True)
class Solved:
    """How a table is made to hold to its policy, found from counts alone.

    Attributes:
        recoder: Recodes records.
        levels: See ``Anonymized``.
        loss: See ``Anonymized``.
        suppressed: See ``Anonymized``.
        population: See ``Anonymized``.
        report: See ``Anonymized``.
    """

    recoder: Recoder = field(repr=False)
    levels: Mapping[str, int]
    loss: float
    suppressed: int
    population: pl.DataFrame | None = field(repr=False)
    report: MicrodataReport

    def recode(self, records: pl.DataFrame, policy: MicrodataPolicy) -> tuple[pl.DataFrame, Mask]:
        """Recode some records of the table that was counted.

        Args:
            records: The records.
            policy: The policy that was solved.

        Returns:
            Those that stay, in their order, with the columns that the table shows; and which stay.

        Raises:
            ColumnError: If they are not records of that table.
        """
        columns, stays = self.recoder.recode(records)
        shown = records.select(policy.columns).with_columns(columns)
        return (shown if stays.all() else shown.filter(pl.Series(stays))), stays


def anonymize(
    frame: pl.DataFrame | pl.LazyFrame,
    policy: MicrodataPolicy,
    population: pl.DataFrame | pl.LazyFrame | None = None,
    *,
    node_limit: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Anonymized:
    """Generalise a table as little as possible so that it holds to a policy.

    Args:
        frame: One record per person, or several where the policy names the column that tells
            persons apart.
        policy: What it must hold to.
        population: The population that ``k_map`` and ``presence`` are about: the same
            quasi-identifiers in the same types, ungeneralised, and ``persons``; a combination may
            occur in several rows. Its values are part of the domain of hierarchies that have no
            declared one.
        node_limit: Greatest number of combinations of levels that are looked at. What was found by
            then is the result, and the report's evidence tells that it is not proven, and the gap.
            A count and not a time, so that the same table gives the same result. None: no limit.
        progress: Called again and again during the search with how far it has come.

    Returns:
        The table with the levels chosen, the loss and the report.

    Raises:
        ColumnError: If the frame or the population lacks a column that the policy names, or one
            holds lists or has no order that a distance or a partition needs.
        HierarchyError: If a hierarchy does not cover its column.
        NoSolutionError: If no generalisation keeps within the suppression limit.
        LatticeTooLargeError: If there are too many combinations of levels for an exact search.
        NodeLimitError: If none of the combinations looked at keeps within the suppression limit.
        PolicyError: If the policy asks for a population and none is given, or the other way round;
            or a limit of nodes is below 1, or given with a partition, which has no nodes.
    """
    if not isinstance(frame, pl.DataFrame | pl.LazyFrame):
        raise ColumnError(
            f"anonymize: expected a Polars frame, got {type(frame).__name__}. Put the table in one."
        )
    data = frame.lazy().collect()
    source = Frame(data.lazy())
    people = None if population is None else population.lazy().collect()
    solved = solve(source, policy, people, node_limit=node_limit, progress=progress)
    batches = [
        solved.recode(data.slice(start, _BATCH), policy)
        for start in range(0, max(data.height, 1), _BATCH)
    ]
    stays = pl.Series("row", np.concatenate([batch_stays for _, batch_stays in batches]))
    return Anonymized(
        table=pl.concat([table for table, _ in batches]),
        levels=solved.levels,
        loss=solved.loss,
        suppressed=solved.suppressed,
        suppressed_rows=(~stays).arg_true(),
        population=solved.population,
        report=solved.report,
    )


def solve(
    source: Source,
    policy: MicrodataPolicy,
    population: pl.DataFrame | None = None,
    *,
    node_limit: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Solved:
    """Find out how a table must be recoded, from counts alone.

    Args:
        source: The table.
        policy: What it must hold to.
        population: See ``anonymize``.
        node_limit: See ``anonymize``.
        progress: See ``anonymize``.

    Returns:
        How to recode any part of it.

    Raises:
        ColumnError: As ``anonymize``; and the others named there.
    """
    if not isinstance(policy, MicrodataPolicy):
        raise PolicyError(f"policy: expected a MicrodataPolicy, got {type(policy).__name__}.")
    if node_limit is not None and (node_limit < 1 or policy.method == "partition"):
        raise PolicyError(
            f"node_limit: expected 1 or more, with method='global' or 'local'; got {node_limit} "
            f"with {policy.method!r}. Leave it out."
        )
    grouped = group(source, policy)
    prepared = prepare(grouped, policy, population)
    allowed = math.floor(Fraction(str(policy.suppression_limit)) * source.records)
    if policy.method == "partition":
        outcome: _Outcome | None = _partition(prepared, policy)
    else:
        solution = optimise(
            prepared.tuples,
            prepared.model,
            prepared.loss,
            allowed,
            node_limit=node_limit,
            progress=progress,
        )
        outcome = None if solution is None else _recoding(prepared, policy, solution)
    if outcome is None or outcome.suppressed > allowed:
        needed = "" if outcome is None else f" It takes {outcome.suppressed}."
        raise NoSolutionError(
            f"No generalisation of {source.records} records reaches k={policy.k} and what else is "
            f"asked with at most {allowed} records suppressed.{needed} Raise the suppression "
            "limit, give every quasi-identifier a hierarchy, or ask for less."
        )
    values = tuple(column.values for column in prepared.columns)
    recoder = Recoder(prepared.names, values, prepared.keys, outcome.shown, outcome.gone)
    return Solved(
        recoder=recoder,
        levels=outcome.levels,
        loss=outcome.loss,
        suppressed=outcome.suppressed,
        population=None if population is None else _recoded(population, recoder),
        report=_report(source, policy, prepared, outcome, grouped.persons),
    )


@dataclass(frozen=True)
class _Outcome:
    """What a method found: by tuple."""

    shown: tuple[Shown | None, ...]
    gone: Mask
    levels: Mapping[str, int]
    held: Held
    penalties: Mapping[str, float]
    loss: float
    suppressed: int
    evidence: Evidence | PartitionEvidence


def _recoding(prepared: Prepared, policy: MicrodataPolicy, solution: Solution) -> _Outcome:
    if policy.method == "global":
        return _global(prepared, solution)
    recoding = refine(prepared.tuples, prepared.model, prepared.loss, solution)
    return _local(prepared, recoding, solution.evidence)


def _global(prepared: Prepared, solution: Solution) -> _Outcome:
    classes, tuples = solution.classes, prepared.tuples
    gone = np.zeros(tuples.number, dtype=np.bool_)
    if solution.fails.any():
        gone = solution.fails[tuples.groups(classes.levels).codes]
    levels = [np.full(tuples.number, level, dtype=np.int64) for level in classes.levels]
    pairs = zip(prepared.levels, classes.levels, strict=True)
    return _Outcome(
        shown=tuple(by_level(laid, level) for laid, level in pairs),
        gone=gone,
        levels=dict(zip(prepared.names, classes.levels, strict=True)),
        held=classes.held.only(np.flatnonzero(~solution.fails & (classes.counts > 0))),
        penalties=_penalties(prepared, levels, ~gone),
        loss=solution.loss,
        suppressed=solution.suppressed,
        evidence=solution.evidence,
    )


def _local(prepared: Prepared, recoding: Recoding, evidence: Evidence) -> _Outcome:
    kept = recoding.classes >= 0
    by_class = np.concatenate([recoding.levels, np.zeros((1, len(prepared.names)), np.int64)])
    # What is suppressed points at the last row, and is filtered out.
    levels = list(by_class[recoding.classes].T)
    codes = [column.codes for column in prepared.columns]
    laid = zip(prepared.levels, levels, codes, strict=True)
    return _Outcome(
        shown=tuple(by_levels(hierarchy, level, values) for hierarchy, level, values in laid),
        gone=~kept,
        levels={},
        held=recoding.held.only(np.flatnonzero(recoding.held.counts > 0)),
        penalties=_penalties(prepared, levels, kept),
        loss=recoding.loss,
        suppressed=recoding.suppressed,
        evidence=evidence,
    )


def _partition(prepared: Prepared, policy: MicrodataPolicy) -> _Outcome:
    made = partition(prepared, policy)
    is_ordered = [name == policy.ordered for name in prepared.names]
    intervals = Shown(made.labels, made.places.astype(np.int32), is_by_tuple=True)
    return _Outcome(
        shown=tuple(intervals if ordered else None for ordered in is_ordered),
        gone=made.gone,
        levels={},
        held=made.held,
        penalties={
            name: made.penalty if ordered else 0.0
            for name, ordered in zip(prepared.names, is_ordered, strict=True)
            if made.held.counts.size
        },
        loss=made.loss,
        suppressed=made.suppressed,
        evidence=made.evidence,
    )


def _recoded(population: pl.DataFrame, recoder: Recoder) -> pl.DataFrame:
    columns, stays = recoder.recode(population)
    shown = population.select(*recoder.names, PERSONS).with_columns(columns)
    by_class = shown.filter(pl.Series(stays)).group_by(recoder.names)
    return by_class.agg(pl.col(PERSONS).sum()).sort(recoder.names)


def _report(
    source: Source,
    policy: MicrodataPolicy,
    prepared: Prepared,
    outcome: _Outcome,
    persons: int,
) -> MicrodataReport:
    held = outcome.held
    sizes, people = held.sizes, held.population
    least: dict[str, int | None] = {}
    for attribute, asked, histogram in zip(
        policy.sensitive, prepared.model.sensitive, held.histograms, strict=True
    ):
        whole = histogram if asked.value_of is None else by_value(histogram, asked.value_of)
        least[attribute.name] = int(distinct_values(whole).min()) if sizes.size else None
    return MicrodataReport(
        records=source.records,
        persons=persons,
        suppressed=outcome.suppressed,
        classes=int(sizes.size),
        smallest_class=int(sizes.min()) if sizes.size else None,
        smallest_in_population=int(people.min()) if people is not None and people.size else None,
        diversity=least,
        loss_by_attribute=outcome.penalties,
        dropped_columns=tuple(c for c in source.schema.names() if c not in policy.columns),
        evidence=outcome.evidence,
        missing=policy.missing,
    )


def _penalties(prepared: Prepared, levels: Sequence[Codes], kept: Mask) -> dict[str, float]:
    """Mean normalised certainty penalty of the records that stay, by quasi-identifier."""
    tuples = prepared.tuples
    counts = tuples.counts[kept]
    if not counts.sum():
        return {}
    penalties = {}
    for index, (name, laid) in enumerate(zip(prepared.names, prepared.levels, strict=True)):
        own = np.stack(leaves(laid))[levels[index][kept], tuples.labels(index, kept)]
        penalty = (own - 1.0) / max(laid.domain - 1, 1)
        penalties[name] = float((penalty * counts).sum() / counts.sum())
    return penalties
