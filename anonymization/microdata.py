"""The microdata door: person-level tables that are k-anonymous and diverse.

Belongs here: ``anonymize``, from a frame and a policy to a table with its loss and its evidence.
Does not belong here: the policy itself (``policies``), hierarchies (``hierarchies``), the search
(``lattice``), the measuring of finished tables (``risk``), reading and writing.

The result is k-anonymous, not anonymous: it stays personal data in law. Definitions: k-anonymity
(Sweeney 2002), distinct l-diversity (Machanavajjhala et al. 2007), normalised certainty penalty
(Xu et al. 2006).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import polars as pl

from anonymization.hierarchies import Levels, exact_levels
from anonymization.lattice import Attribute, Codes, Evidence, Table, optimise
from anonymization.policies import MicrodataPolicy


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
        loss_by_attribute: Mean penalty of the records that stay, by quasi-identifier.
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
        loss: Loss of the whole table, 0 to 1; the least possible under the policy.
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
        ValueError: If the frame lacks a column that the policy names.
        HierarchyError: If a hierarchy does not cover its column.
        NoSolutionError: If no generalisation keeps within the suppression limit.
        LatticeTooLargeError: If there are too many combinations of levels for an exact search.
    """
    data = frame.lazy().collect()
    missing = [name for name in policy.columns if name not in data.columns]
    if missing:
        raise ValueError(f"The table lacks columns that the policy names: {', '.join(missing)}.")
    levels = {
        qi.name: qi.hierarchy.levels(data[qi.name]) if qi.hierarchy else exact_levels(data[qi.name])
        for qi in policy.quasi_identifiers
    }
    allowed = math.floor(Fraction(str(policy.suppression_limit)) * data.height)
    solution = optimise(_distinct_table(data, policy, levels), policy.k, allowed)
    if solution is None:
        raise NoSolutionError(
            f"No generalisation of {data.height} records reaches k={policy.k} and the diversity "
            f"asked for with at most {allowed} records suppressed. Raise the suppression limit, "
            "give every quasi-identifier a hierarchy, or ask for less."
        )
    chosen = dict(zip(levels, solution.levels, strict=True))
    recoded = _recode(data, levels, chosen)
    stays = recoded.select(_holds(policy)).to_series()
    table = recoded.filter(stays).select(policy.columns)
    classes = _classes(table, policy)
    return Anonymized(
        table=table,
        levels=chosen,
        loss=solution.loss,
        suppressed=solution.suppressed,
        suppressed_rows=(~stays).arg_true().alias("row"),
        report=MicrodataReport(
            records=data.height,
            suppressed=solution.suppressed,
            loss_by_attribute=_loss_by_attribute(data.filter(stays), levels, chosen),
            dropped_columns=tuple(c for c in data.columns if c not in policy.columns),
            evidence=solution.evidence,
            classes=classes.height,
            smallest_class=_minimum(classes, "__records"),
            diversity={
                attribute.name: _minimum(classes, f"__distinct_{index}")
                for index, attribute in enumerate(policy.sensitive)
            },
        ),
    )


def _distinct_table(
    data: pl.DataFrame, policy: MicrodataPolicy, levels: Mapping[str, Levels]
) -> Table:
    """Group the records once; the search never sees them again."""
    names = list(levels)
    tuples = data.group_by(names, maintain_order=True).agg(pl.len().alias("__records"))
    weights = sum(qi.weight for qi in policy.quasi_identifiers)
    attributes = [
        _attribute(tuples[qi.name], levels[qi.name], qi.weight / weights)
        for qi in policy.quasi_identifiers
    ]
    numbered = tuples.select(names).with_row_index("__tuple")
    sensitive = []
    for attribute in policy.sensitive:
        pairs = (
            data.select(*names, pl.col(attribute.name).rank("dense").alias("__value"))
            .unique()
            .join(numbered, on=names, nulls_equal=True)
        )
        # Rank leaves a missing value without a number; it counts as a value of its own.
        codes = pairs["__value"].fill_null(0).cast(pl.Int64).to_numpy()
        sensitive.append((pairs["__tuple"].cast(pl.Int64).to_numpy(), codes, attribute.l))
    return Table(attributes, tuples["__records"].cast(pl.Int64).to_numpy(), sensitive)


def _attribute(values: pl.Series, levels: Levels, weight: float) -> Attribute:
    row = _rows_of(values, levels)
    codes: list[Codes] = []
    losses = []
    for name in levels.labels.columns:
        label = levels.labels[name]
        # Ranked inside a struct: alone, a missing label would get no rank.
        dense = label.to_frame().select(pl.struct(pl.all()).rank("dense")).to_series()
        codes.append((dense.cast(pl.Int64).to_numpy() - 1)[row])
        losses.append(_penalties(levels, name)[row])
    return Attribute(codes, losses, weight)


def _rows_of(values: pl.Series, levels: Levels) -> Codes:
    """Row of the levels' table for each value."""
    return (
        values.alias("0")
        .to_frame()
        .join(
            levels.labels.select("0").with_row_index("row"),
            on="0",
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )["row"]
        .cast(pl.Int64)
        .to_numpy()
    )


def _penalties(levels: Levels, level: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    leaves = levels.leaves[level].cast(pl.Float64).to_numpy()
    return np.asarray((leaves - 1.0) / max(levels.domain - 1, 1), dtype=np.float64)


def _recode(
    data: pl.DataFrame, levels: Mapping[str, Levels], chosen: Mapping[str, int]
) -> pl.DataFrame:
    recoded = {
        name: levels[name].labels[str(level)].gather(_rows_of(data[name], levels[name]))
        for name, level in chosen.items()
        if level
    }
    return data.with_columns(series.alias(name) for name, series in recoded.items())


def _holds(policy: MicrodataPolicy) -> pl.Expr:
    names = [qi.name for qi in policy.quasi_identifiers]
    holds = pl.len().over(names) >= policy.k
    for attribute in policy.sensitive:
        holds &= pl.col(attribute.name).n_unique().over(names) >= attribute.l
    return holds


def _classes(table: pl.DataFrame, policy: MicrodataPolicy) -> pl.DataFrame:
    """Records and distinct sensitive values of each class of the finished table."""
    return table.group_by([qi.name for qi in policy.quasi_identifiers]).agg(
        pl.len().alias("__records"),
        *(
            pl.col(attribute.name).n_unique().alias(f"__distinct_{index}")
            for index, attribute in enumerate(policy.sensitive)
        ),
    )


def _minimum(classes: pl.DataFrame, column: str) -> int | None:
    return classes.select(pl.col(column).cast(pl.Int64).min()).item()  # type: ignore[no-any-return]


def _loss_by_attribute(
    data: pl.DataFrame, levels: Mapping[str, Levels], chosen: Mapping[str, int]
) -> dict[str, float]:
    if data.is_empty():
        return {}
    return {
        name: float(_penalties(levels[name], str(level))[_rows_of(data[name], levels[name])].mean())
        for name, level in chosen.items()
    }
