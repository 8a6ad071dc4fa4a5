"""Layers: the queries that make rows of elements, one around the other.

Belongs here: the SQL of unnesting, of branches, of walking down a recursion. Does not belong here:
which of them a view needs (``rows``).

Each layer reads the rows of the one inside and gives, for every one of them, a row per item. Where
it does not apply (in another branch, under an element that is not there) it lets the row pass once,
with null for an item.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pipelines.ingest.views.values import name_sql

ROW = "r"
"""Alias of the row inside, in the SQL of expressions."""


@dataclass
class Layer:
    """A row per item of a list.

    Attributes:
        number: Counts the layers of a view.
        items: SQL of the list.
        applies: SQL that tells whether the layer does; always, where empty.
        or_null: A row passes when there are no items.
        indexed: Its rows are numbered.
    """

    number: int
    items: str
    applies: str = ""
    or_null: bool = False
    indexed: bool = field(default=False, init=False)

    @property
    def item(self) -> str:
        """SQL of the item."""
        return f"{ROW}.{self._name('each')}"

    def index(self) -> str:
        """SQL of the item's place, from 0; the layer numbers its rows from now on."""
        self.indexed = True
        return f"{ROW}.{self._name('index')}"

    def sql(self, inner: str) -> str:
        """The query around an inner one."""
        listed = [f"unnest({self._passing(self.items, '[NULL]')}) AS {self._name('each')}"]
        if self.indexed:
            places = self._passing(f"range(len({self.items}))", "[0]")
            listed.append(f"unnest({places}) AS {self._name('index')}")
        return f"SELECT *, {', '.join(listed)} FROM ({inner}) AS {ROW}"  # noqa: S608

    def _passing(self, sql: str, otherwise: str) -> str:
        if self.or_null:
            some = f"coalesce(len({self.items}), 0) > 0"
            if self.applies:
                some = f"{self.applies} AND {some}"
            return f"(CASE WHEN {some} THEN {sql} ELSE {otherwise} END)"
        if self.applies:
            return f"(CASE WHEN {self.applies} THEN {sql} ELSE {otherwise} END)"
        return sql

    def _name(self, what: str) -> str:
        return name_sql(f"__{what}_{self.number}")


@dataclass
class Walk(Layer):
    """A row per item of a list, of the lists within its items, and so on: depth first.

    Attributes:
        deeper: SQL of the list within an item.
    """

    deeper: str = ""

    def sql(self, inner: str) -> str:
        """The query around an inner one."""
        node, row, place = self._name("each"), self._name("row"), self._name("place")
        walk = name_sql(f"__walk_{self.number}")
        start = f"SELECT *, unnest({self._passing(self.items, '[NULL]')}) AS {node}"
        step = f"SELECT {ROW}.* EXCLUDE ({node}), unnest({self.deeper}) AS {node}"
        if self.indexed:
            inner = f"SELECT *, row_number() OVER () AS {row} FROM ({inner}) AS {ROW}"  # noqa: S608
            # Lists sort an item before what is within it, and that before the next item.
            places = f"list_transform(range(len({self.items})), lambda i: [i])"
            start += f", unnest({self._passing(places, '[[0]]')}) AS {place}"
            within = f"list_transform(range(len({self.deeper})), lambda i: list_append({place}, i))"
            step = (
                f"SELECT {ROW}.* EXCLUDE ({node}, {place}), unnest({self.deeper}) AS {node}, "
                f"unnest({within}) AS {place}"
            )
        steps = (
            f"WITH RECURSIVE {walk} AS ({start} FROM ({inner}) AS {ROW} "  # noqa: S608
            f"UNION ALL {step} FROM {walk} AS {ROW}) SELECT * FROM {walk}"
        )
        if not self.indexed:
            return steps
        order = f"row_number() OVER (PARTITION BY {row} ORDER BY {place}) - 1"
        return (
            f"SELECT * EXCLUDE ({row}, {place}), {order} AS {self._name('index')} "  # noqa: S608
            f"FROM ({steps}) AS {ROW}"
        )


@dataclass
class Branches(Layer):
    """A row per branch of a ``unionAll``.

    Attributes:
        count: How many branches.
    """

    count: int = 0

    def branch(self, position: int) -> str:
        """SQL that tells whether a row is of a branch, from 1."""
        return f"({self.item} = {position})"


def branches(number: int, count: int, applies: str) -> Branches:
    """The layer of a ``unionAll``."""
    listed = f"[{', '.join(str(n) for n in range(1, count + 1))}]"
    return Branches(number, listed, applies, count=count)
