"""Generalisation hierarchies: what a value becomes, step by step.

Belongs here: the five ways to write a hierarchy, the check that it is one, and its levels over the
values of a column.

Does not belong here: the choice of a level (``anonymization.microdata``).

Every hierarchy begins with the value itself (level 0) and ends with one label for all values:
``*``, unless a table or a tree has one of its own. A missing value is a value of its own on every
level below ``*``. Values are matched to hierarchies by their text, so whole numbers, dates and
strings can all be declared in a CSV file; to intervals, and where floats are whole numbers, by
their number.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import polars as pl

from anonymization.packing import whole_numbers

TOP: Final = "*"


class HierarchyError(ValueError):
    """A hierarchy is none, or does not cover a column."""


@dataclass(frozen=True)
class Levels:
    """A hierarchy over the values of one column.

    Attributes:
        labels: One row per distinct value; column ``0`` holds the values in their own type, column
            ``1``, ``2`` … the text they become.
        leaves: The same rows and columns: how many values of the domain share the label.
        domain: Number of values of the domain.
    """

    labels: pl.DataFrame
    leaves: pl.DataFrame
    domain: int

    @property
    def height(self) -> int:
        """The highest level; 0 when the column is never generalised."""
        return self.labels.width - 1


class Hierarchy(ABC):
    """How the values of one attribute are generalised. Made by the functions below."""

    @staticmethod
    def intervals(
        widths: Sequence[int], *, lower: int | None = None, upper: int | None = None
    ) -> "Hierarchy":
        """Intervals of whole numbers, wider from level to level.

        Args:
            widths: Width of the intervals of each level, each a multiple of the one before.
            lower: Where intervals begin, and the least value of the domain. Without it they begin
                at 0 and the domain is the values observed.
            upper: The greatest value of the domain; goes with ``lower``.

        Returns:
            The hierarchy; labels read ``20-24``.

        Raises:
            HierarchyError: If the widths do not nest or only one limit is given.
        """
        limits = [limit for limit in (lower, upper) if limit is not None]
        _whole_numbers("intervals: lower, upper", limits)
        return _Intervals(_whole_numbers("intervals: widths", widths), lower, upper)

    @staticmethod
    def from_table(table: pl.DataFrame) -> "Hierarchy":
        """A table with one column per level, the value itself first.

        This is also what ARX keeps in its hierarchy files, which have no header and semicolons:
        ``pl.read_csv(path, separator=";", has_header=False, infer_schema=False)``.

        Args:
            table: One row per value of the domain. A last level ``*`` is added when values are
                still apart on the last column, a missing one among them.

        Returns:
            The hierarchy.

        Raises:
            HierarchyError: If a value occurs twice, or values that share a label on one level do
                not on the next.
        """
        if not isinstance(table, pl.DataFrame):
            raise HierarchyError(
                f"from_table: expected a Polars frame, got {type(table).__name__}. Put it in one."
            )
        return _Table(table)

    @staticmethod
    def prefix(lengths: Sequence[int]) -> "Hierarchy":
        """The first characters of a code, fewer from level to level.

        Args:
            lengths: Characters kept on each level, descending.

        Returns:
            The hierarchy over the values observed; labels read ``50*``.

        Raises:
            HierarchyError: If the lengths do not descend or one is below 1.
        """
        return _Prefix(_whole_numbers("prefix", lengths))

    @staticmethod
    def tree(parents: Mapping[str, str]) -> "Hierarchy":
        """A tree, told by the parent of each node.

        Args:
            parents: Parent of each node but the root. The domain is the nodes without children.
                Branches of different depth are aligned at the root.

        Returns:
            The hierarchy.

        Raises:
            HierarchyError: If a node is among its own ancestors, or there is no node.
        """
        return _Table(_tree_table(parents))

    @staticmethod
    def suppress() -> "Hierarchy":
        """The value, or ``*``.

        Returns:
            The hierarchy over the values observed.
        """
        return _Prefix(())

    def bands(self) -> tuple[int, int | None, int | None] | None:
        """Width and limits of the intervals, if they have one width; none for other hierarchies."""
        return None

    @abstractmethod
    def _domain(self, values: pl.Series) -> pl.DataFrame:
        """Columns ``0``, ``1`` … as text, for the domain that goes with these values."""

    def _texts(self, distinct: pl.Series) -> pl.Series:
        """The texts by which distinct values are found in the domain."""
        return distinct.cast(pl.String)

    def _with_top(self, domain: pl.DataFrame, *, lacking: bool) -> pl.DataFrame:
        """The domain with a last level on which all values are one, missing ones among them."""
        return domain.with_columns(pl.lit(TOP).alias(str(domain.width)))

    def levels(self, values: pl.Series) -> Levels:
        """Lay the hierarchy over a column.

        Args:
            values: The column, or its distinct values.

        Returns:
            Labels and leaves for each distinct value of the column.

        Raises:
            HierarchyError: If a value is not of the domain. Names the column, not the value.
        """
        distinct = values.unique(maintain_order=True).alias("value").to_frame()
        texts = self._texts(distinct.to_series().alias(values.name)).alias("0").to_frame()
        known = texts.to_series().drop_nulls()
        domain = self._domain(known.alias("0"))
        lacking = bool(values.null_count()) and not domain["0"].null_count()
        domain = self._with_top(domain, lacking=lacking)
        # A missing value is one more value of the domain, apart from all others until the top.
        if lacking:
            alone = pl.DataFrame({name: [None] for name in domain.columns}, schema=domain.schema)
            domain = pl.concat([domain, alone.with_columns(pl.lit(TOP).alias(domain.columns[-1]))])
        leaves = domain.select(
            pl.col("0"), *(pl.len().over(name).alias(f"leaves_{name}") for name in domain.columns)
        )
        laid = texts.join(domain, on="0", how="left", nulls_equal=True, maintain_order="left")
        uncovered = laid[domain.columns[-1]].null_count()
        if uncovered:
            raise HierarchyError(
                f"Column {values.name!r}: the hierarchy does not cover {uncovered} of "
                f"{distinct.height} distinct values. Add them, or mend the column."
            )
        counted = texts.join(leaves, on="0", how="left", nulls_equal=True, maintain_order="left")
        return Levels(
            labels=laid.with_columns(distinct["value"].alias("0")),
            leaves=counted.select(pl.col(f"leaves_{name}").alias(name) for name in domain.columns),
            domain=domain.height,
        )


def _whole_numbers(subject: str, given: Sequence[int]) -> tuple[int, ...]:
    """The numbers, if that is what they are: a hierarchy of fractions would have gaps."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise HierarchyError(f"{subject}: expected a list, got {type(given).__name__}.")
    other = [
        type(one).__name__ for one in given if isinstance(one, bool) or not isinstance(one, int)
    ]
    if other:
        raise HierarchyError(f"{subject}: expected whole numbers, got {', '.join(other)}.")
    return tuple(given)


def exact_levels(values: pl.Series) -> Levels:
    """The levels of a column that is never generalised: the values alone.

    Args:
        values: The column, or its distinct values.

    Returns:
        A single level, without ``*``.
    """
    distinct = values.unique(maintain_order=True).alias("0").to_frame()
    leaves = pl.Series("0", [1], dtype=pl.UInt32).new_from_index(0, distinct.height).to_frame()
    return Levels(distinct, leaves, distinct.height)


@dataclass(frozen=True)
class _Intervals(Hierarchy):
    widths: tuple[int, ...]
    lower: int | None
    upper: int | None

    def __post_init__(self) -> None:
        nested = all(
            0 < narrow < wide and wide % narrow == 0 for narrow, wide in pairwise(self.widths)
        )
        if not self.widths or self.widths[0] < 1 or not nested:
            raise HierarchyError(
                f"intervals: expected ascending widths, each a multiple of the one before; got "
                f"{list(self.widths)}."
            )
        if (self.lower is None) != (self.upper is None):
            raise HierarchyError("intervals: give both lower and upper, or neither.")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise HierarchyError(
                f"intervals: lower ({self.lower}) is greater than upper ({self.upper})."
            )

    def bands(self) -> tuple[int, int | None, int | None] | None:
        return (self.widths[0], self.lower, self.upper) if len(self.widths) == 1 else None

    def _texts(self, distinct: pl.Series) -> pl.Series:
        numbers = whole_numbers(distinct)
        other = numbers.null_count() - distinct.null_count()
        if other:
            raise HierarchyError(
                f"Column {distinct.name!r}: {other} of {distinct.len()} distinct values are no "
                "whole numbers (but fractions, NaN or texts), and intervals take no others. Round "
                "them, leave them empty, or take another hierarchy."
            )
        return numbers.cast(pl.String)

    def _domain(self, values: pl.Series) -> pl.DataFrame:
        numbers = values.cast(pl.Int64)
        if self.lower is not None and self.upper is not None:
            numbers = pl.int_range(self.lower, self.upper + 1, eager=True, dtype=pl.Int64)
        frame = numbers.unique().sort().alias("number").to_frame()
        origin = self.lower or 0
        floors = [
            ((pl.col("number") - origin) // width * width + origin, width) for width in self.widths
        ]
        return frame.select(
            pl.col("number").cast(pl.String).alias("0"),
            *(
                pl.format("{}-{}", floor, floor + (width - 1)).alias(str(level))
                for level, (floor, width) in enumerate(floors, start=1)
            ),
        )


@dataclass(frozen=True)
class _Table(Hierarchy):
    table: pl.DataFrame

    def __post_init__(self) -> None:
        if self.table.width == 0 or self.table.height == 0:
            raise HierarchyError("from_table: expected one column per level and some rows.")
        table = self.table.rename(
            {name: str(level) for level, name in enumerate(self.table.columns)}
        ).cast(pl.String)
        if table["0"].is_duplicated().any():
            raise HierarchyError(
                "from_table: some values of the first column occur more than once; each value "
                "needs one row."
            )
        for lower, upper in pairwise(table.columns):
            if table.select(pl.struct(lower, upper)).n_unique() != table[lower].n_unique():
                raise HierarchyError(
                    f"from_table: values that share a label on level {lower} have different labels "
                    f"on level {upper}. What is merged once must stay merged."
                )
        object.__setattr__(self, "table", table)

    def _texts(self, distinct: pl.Series) -> pl.Series:
        texts = distinct.cast(pl.String)
        if not distinct.dtype.is_float():
            return texts
        # Whole numbers that became floats beside missing ones are in the table without a decimal.
        whole = whole_numbers(distinct).cast(pl.String)
        return whole.zip_with(whole.is_in(self.table["0"].implode()) & whole.is_not_null(), texts)

    def _with_top(self, domain: pl.DataFrame, *, lacking: bool) -> pl.DataFrame:
        last = domain[domain.columns[-1]]
        is_one = domain.width > 1 and last.null_count() == 0 and last.n_unique() == 1
        if is_one and (TOP in last or not lacking):
            return domain
        return super()._with_top(domain, lacking=lacking)

    def _domain(self, values: pl.Series) -> pl.DataFrame:
        return self.table


@dataclass(frozen=True)
class _Prefix(Hierarchy):
    lengths: tuple[int, ...]

    def __post_init__(self) -> None:
        descending = all(long > short for long, short in pairwise(self.lengths))
        if not descending or (self.lengths and self.lengths[-1] < 1):
            raise HierarchyError(
                f"prefix: expected descending lengths of 1 or more; got {list(self.lengths)}."
            )

    def _domain(self, values: pl.Series) -> pl.DataFrame:
        return (
            values.unique()
            .sort()
            .to_frame()
            .select(
                pl.col("0"),
                *(
                    pl.concat_str(pl.col("0").str.slice(0, length), pl.lit(TOP)).alias(str(level))
                    for level, length in enumerate(self.lengths, start=1)
                ),
            )
        )


def _tree_table(parents: Mapping[str, str]) -> pl.DataFrame:
    inner = set(parents.values())
    paths = [_path_from_root(leaf, parents) for leaf in parents if leaf not in inner]
    if not paths:
        raise HierarchyError("tree: expected some node, and none among its own ancestors.")
    depth = max(len(path) for path in paths)
    columns = {
        str(level): [path[min(len(path), depth - level) - 1] for path in paths]
        for level in range(depth)
    }
    return pl.DataFrame(columns)


def _path_from_root(leaf: str, parents: Mapping[str, str]) -> list[str]:
    path = [leaf]
    while path[-1] in parents:
        path.append(parents[path[-1]])
        if len(path) > len(parents) + 1:
            raise HierarchyError("tree: a node is among its own ancestors.")
    return path[::-1]
