"""Records counted once: the distinct tuples of quasi-identifiers and what they hold.

Belongs here: what has to be counted of a table, whoever counts it, and the counting of a frame.
Does not belong here: hierarchies and models (``preparation``), counting of files that are larger
than memory, which needs a database.

Nothing after this depends on how many records there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import polars as pl

from anonymization.packing import Codes, ColumnError
from anonymization.policies import MicrodataPolicy

COUNT = "count"


class Source(Protocol):
    """A table that can be counted."""

    @property
    def schema(self) -> pl.Schema:
        """Its columns."""
        ...

    @property
    def records(self) -> int:
        """Number of its rows."""
        ...

    def counted(self, columns: Sequence[str], unit: str | None = None) -> pl.DataFrame:
        """Distinct combinations of columns.

        Args:
            columns: The columns; none of them for the whole table as one.
            unit: Column whose distinct values are counted; rows by default.

        Returns:
            One row per combination in any order: columns ``0``, ``1`` … in the order asked for, and
            ``count``.
        """
        ...

    def lacking(self, column: str) -> int:
        """Number of rows without a value in a column."""
        ...


@dataclass(frozen=True)
class Frame:
    """A table in memory, or one that is read as often as it is counted and never held.

    Attributes:
        data: The table.
    """

    data: pl.LazyFrame

    @cached_property
    def schema(self) -> pl.Schema:
        """Its columns."""
        return self.data.collect_schema()

    @cached_property
    def records(self) -> int:
        """Number of its rows."""
        return int(self.data.select(pl.len()).collect().item())

    def counted(self, columns: Sequence[str], unit: str | None = None) -> pl.DataFrame:
        """Distinct combinations of columns; see ``Source``."""
        count = pl.len() if unit is None else pl.col(unit).n_unique()
        counts = count.cast(pl.Int64).alias(COUNT)
        by = [pl.col(name).alias(str(n)) for n, name in enumerate(columns)]
        whole = self.data.group_by(by).agg(counts) if by else self.data.select(counts)
        return whole.collect(engine="streaming")

    def lacking(self, column: str) -> int:
        """Number of rows without a value in a column."""
        return int(self.data.select(pl.col(column).null_count()).collect().item())


def source_of(table: pl.DataFrame | pl.LazyFrame | Source) -> Source:
    """A table as something that can be counted.

    Args:
        table: A frame, or already a source.
    """
    return Frame(table.lazy()) if isinstance(table, pl.DataFrame | pl.LazyFrame) else table


@dataclass(frozen=True)
class Counted:
    """Distinct combinations and their counts.

    Attributes:
        by: The quasi-identifiers of each combination.
        values: What else tells combinations apart: a sensitive value, a person, or both.
        counts: Records of each combination, or persons.
    """

    by: pl.DataFrame
    values: tuple[pl.Series, ...]
    counts: Codes


@dataclass(frozen=True)
class Grouped:
    """A table as far as anonymisation has to know it.

    Attributes:
        records: Number of records.
        persons: Number of persons; records, where they are the same.
        tuples: Records of each distinct tuple.
        of_persons: Persons of each distinct tuple, in any order, where they are not the records
            and no person can be in two classes that are merged.
        crowd: Each tuple with each of its persons, where a person can be.
        sensitive: For each sensitive attribute the counts by tuple and value; where ``crowd`` is
            given, by tuple, value and person.
        overall: For each sensitive attribute its values and their counts, in persons where they are
            not the records: what a class of everybody would hold.
    """

    records: int
    persons: int
    tuples: Counted
    of_persons: Counted | None
    crowd: Counted | None
    sensitive: tuple[Counted, ...]
    overall: tuple[Counted, ...]


def group(source: Source, policy: MicrodataPolicy) -> Grouped:
    """Count a table by what a policy names.

    Args:
        source: The table.
        policy: Names the columns, and the persons if they are not the records.

    Raises:
        ColumnError: If a column is missing or holds lists, or a record has no person.
    """
    _check(source, policy)
    names = [attribute.name for attribute in policy.quasi_identifiers]
    width, person = len(names), policy.person

    def count(*more: str, unit: str | None = None) -> Counted:
        frame = source.counted([*names, *more], unit)
        values = tuple(frame[str(width + n)] for n in range(len(more)))
        by = frame.select(str(n) for n in range(width))
        return Counted(by.rename(dict(zip(by.columns, names, strict=True))), values, _counts(frame))

    tuples = count()
    sensitive = [attribute.name for attribute in policy.sensitive]
    overall = tuple(_overall(source, name, person) for name in sensitive)
    if person is None:
        by_value = tuple(count(name) for name in sensitive)
        return Grouped(source.records, source.records, tuples, None, None, by_value, overall)
    persons = int(source.counted([], person)[COUNT].sum())
    of_persons = count(unit=person)
    apart = [a.name for a in policy.quasi_identifiers if a.hierarchy is None]
    apart = [name for name in apart if name != policy.ordered]
    if int(source.counted(apart, person)[COUNT].sum()) == int(of_persons.counts.sum()):
        by_value = tuple(count(name, unit=person) for name in sensitive)
        return Grouped(source.records, persons, tuples, of_persons, None, by_value, overall)
    by_value = tuple(count(name, person) for name in sensitive)
    return Grouped(source.records, persons, tuples, None, count(person), by_value, overall)


def check_persons(persons: pl.Series) -> None:
    """Refuse numbers of persons that are none.

    Args:
        persons: Persons of a population, by combination of quasi-identifiers.

    Raises:
        ColumnError: If some are fractions, negative, missing or no numbers.
    """
    if not persons.dtype.is_integer() or persons.null_count() or (persons < 0).any():
        got = persons.dtype if not persons.dtype.is_integer() else "others among them"
        raise ColumnError(
            f"The population's persons: expected whole numbers of 0 or more, got {got}. Mend the "
            "column."
        )


def _check(source: Source, policy: MicrodataPolicy) -> None:
    missing = [name for name in policy.needed if name not in source.schema]
    if missing:
        raise ColumnError(f"The table lacks columns that the policy names: {', '.join(missing)}.")
    counted = [name for name in policy.needed if name not in policy.insensitive]
    for name in counted:
        if source.schema[name].is_nested():
            raise ColumnError(
                f"Column {name!r}: expected single values, got {source.schema[name]}. Take the "
                "parts out into columns of their own."
            )
    if policy.person is not None and (unknown := source.lacking(policy.person)):
        raise ColumnError(
            f"Column {policy.person!r}: {unknown} of {source.records} records have no person. k "
            "counts persons: tell whose they are, or leave them out and count them."
        )


def _overall(source: Source, name: str, person: str | None) -> Counted:
    frame = source.counted([name], person)
    return Counted(pl.DataFrame(), (frame["0"],), _counts(frame))


def _counts(frame: pl.DataFrame) -> Codes:
    return frame[COUNT].cast(pl.Int64).to_numpy()
