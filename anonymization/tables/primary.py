"""Primary suppression: which cells are unsafe by themselves, and what would make them safe.

Here: the rules of the policy, cell by cell, and the requirement that each rule puts on the
interval of the hidden cell. Not here: which other cells must be hidden for it (``secondary``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from anonymization.tables.bounds import propagate
from anonymization.tables.errors import TableError
from anonymization.tables.intervals import Polytope
from anonymization.tables.matrix import activity

if TYPE_CHECKING:
    from anonymization.tables.matrix import Block, Bools, Floats, Ints
    from anonymization.tables.policy import TablePolicy
    from anonymization.tables.system import LinkedSystem

FAR = 1e6
"""As far as unknowns without a bound are followed; more than any requirement."""
COUNT_RULES = ("persons", "zero")
COMPLEMENT_RULES = ("complement", "full_group")


def _threshold(policy: TablePolicy) -> pl.Expr:
    """The threshold of each cell."""
    higher = policy.threshold if policy.sensitive_threshold is None else policy.sensitive_threshold
    return pl.when("sensitive").then(higher).otherwise(policy.threshold)


def _small(column: str, policy: TablePolicy) -> pl.Expr:
    return (pl.col(column) >= 1) & (pl.col(column) < _threshold(policy))


def _hidden_zero(column: str, shown: str, policy: TablePolicy) -> pl.Expr:
    """Nobody in ``column``, in a group where that may not be told. An empty group tells nothing."""
    group = pl.col("denominator_persons")
    few = (group < policy.minimum_denominator).fill_null(False)
    told = few if shown == "show" else pl.lit(True)
    return (pl.col(column) == 0) & told & (group != 0).fill_null(True)


def _rules(policy: TablePolicy) -> dict[str, pl.Expr]:
    """Rule → is broken, in the order in which a cell's rule is named."""
    contributors = pl.coalesce("denominator_persons", "persons")
    rules = {
        "persons": _small("persons", policy),
        "complement": _small("complement_persons", policy),
        "denominator": _small("denominator_persons", policy),
        "zero": _hidden_zero("persons", policy.zeros, policy),
        "full_group": _hidden_zero("complement_persons", policy.full_groups, policy),
        "dominance": pl.col("magnitude")
        & (pl.col("largest_share") > policy.dominance)
        & (pl.col("value") != 0),
    }
    if policy.min_contributors is not None:
        rules["contributors"] = contributors.is_between(1, policy.min_contributors - 1)
    if policy.min_providers is not None:
        rules["providers"] = (pl.col("providers") < policy.min_providers) & (contributors != 0)
    return rules


def primary_rules(system: LinkedSystem, policy: TablePolicy) -> pl.DataFrame:
    """The rules that each cell breaks.

    Args:
        system: The linked system.
        policy: The rules' limits.

    Returns:
        One row per cell, ordered by ``cell_id``: ``cell_id``, ``rule`` (name of the first rule
        that the cell breaks; null if none) and one boolean column per rule.

    Raises:
        TableError: The policy asks for providers or dominance, and a publishable cell lacks them.
    """
    cells = system.cells
    if policy.min_providers is not None:
        _refuse_unknown(cells.filter("publishable"), "providers")
    _refuse_unknown(cells.filter("magnitude", pl.col("value") != 0), "largest_share")
    if policy.sensitive_threshold is None and cells["sensitive"].any():
        raise TableError(
            "cells.sensitive: the policy names no sensitive_threshold, got sensitive cells. Name "
            "it in the policy."
        )
    rules = _rules(policy)
    broken = cells.select(
        "cell_id", "series", "publishable", **{k: e.fill_null(False) for k, e in rules.items()}
    )
    if policy.weak_series is not None:
        unsafe = pl.any_horizontal(list(rules)).filter("publishable").mean().over("series")
        weak = (
            pl.col("series").is_not_null() & pl.col("publishable") & (unsafe > policy.weak_series)
        )
        broken = broken.with_columns(weak_series=weak.fill_null(False))
        rules["weak_series"] = pl.col("weak_series")
    named = pl.coalesce(pl.when(name).then(pl.lit(name)) for name in rules)
    return broken.select("cell_id", named.alias("rule"), *rules)


def _refuse_unknown(cells: pl.DataFrame, column: str) -> None:
    if unknown := cells[column].null_count():
        raise TableError(
            f"cells.{column}: the policy needs it, got {unknown} cells without. Fill it in."
        )


@dataclass(frozen=True)
class Requirement:
    """What each cell of a block asks of its interval when it is hidden.

    Attributes:
        unsafe: The cell breaks a rule of the policy and may not be shown.
        owed: The cell must be protected when hidden (a cell that is never published, or owes
            nothing as a sum, and is not unsafe need not be, nor one of which the public bounds
            leave a single value).
        width: Smallest width of the interval, in units of the value.
        reach_up: The interval's upper end is at least this.
        reach_down: The interval's lower end is at most this.
        known_low, known_high: What the second attacker knows of the cell; infinite if nothing.
        most: What everybody knows that the cell does not exceed; infinite if nothing.
        guess: Value that a reader may guess; not a number where nobody can.
        integer: Only whole values count.
    """

    unsafe: Bools
    owed: Bools
    width: Floats
    reach_up: Floats
    reach_down: Floats
    known_low: Floats
    known_high: Floats
    most: Floats
    guess: Floats
    integer: Bools

    def of_unsafe(self) -> Requirement:
        """What unsafe cells alone ask of a reader who knows nothing of hidden cells."""
        nobody = np.full(len(self.width), np.inf)
        asked = np.where(self.unsafe, self.width, 0.0)
        return replace(self, width=asked, known_low=-nobody, known_high=nobody)


def requirement(
    block: Block, cells: pl.DataFrame, rules: pl.DataFrame, policy: TablePolicy
) -> Requirement:
    """Requirements of a block's cells.

    What the public bounds alone give away cannot be protected: width and reach are capped by the
    range that a cell has before anything is published.

    Args:
        block: The block.
        cells: The system's cells.
        rules: The frame of :func:`primary_rules`.
        policy: The policy.
    """
    cells, rules = cells[block.cell], rules[block.cell]
    value, guessed = cells["value"].to_numpy(), cells["guessed"].to_numpy()
    guess = np.where(guessed, value, np.nan)
    block = _with_prior_range(block, cells, rules, policy, guess)
    magnitude = cells["magnitude"].to_numpy()
    unsafe = rules["rule"].is_not_null().to_numpy()
    asked = np.where(
        magnitude,
        np.maximum(policy.protection_width, policy.magnitude_width * np.abs(value)),
        policy.protection_width,
    )
    count = rules.select(pl.any_horizontal(COUNT_RULES)).to_series().to_numpy() & ~magnitude
    complement = (
        rules.select(pl.any_horizontal(COMPLEMENT_RULES)).to_series().to_numpy()
        & ~magnitude
        & np.isfinite(block.highest)
    )
    highest = np.where(np.isfinite(block.highest), block.highest, 0.0)
    threshold = cells.select(_threshold(policy)).to_series().to_numpy()
    low, high = _second_attacker(block, cells, rules, count, complement, threshold)
    return Requirement(
        unsafe=unsafe,
        # Of one possible value the public knows it all, and nothing is left to protect.
        owed=(unsafe | (cells["publishable"] & cells["owed"]).to_numpy())
        & (block.highest > block.lowest),
        width=np.minimum(asked, block.highest - block.lowest),
        reach_up=np.where(count, np.minimum(threshold, block.highest), -np.inf),
        reach_down=np.where(complement, np.maximum(highest - threshold, block.lowest), np.inf),
        known_low=low,
        known_high=high,
        most=block.most,
        guess=guess,
        integer=cells["integer"].to_numpy(),
    )


def _with_prior_range(
    block: Block, cells: pl.DataFrame, rules: pl.DataFrame, policy: TablePolicy, guess: Floats
) -> Block:
    """The block, its cells' ranges those that public bounds and guesses together allow.

    A guessed cell's own range is that of a reader who does not guess.
    """
    told = np.isfinite(guess)
    if not np.isfinite(block.most).any() and not told.any():
        return block
    asked = cells.select(pl.max_horizontal(_threshold(policy), policy.protection_width))
    complement = rules.select(pl.any_horizontal(COMPLEMENT_RULES)).to_series().to_numpy()
    value, enough = cells["value"].to_numpy(), asked.to_series().to_numpy()
    # Of a cell that holds as much as is asked no cap binds, unless it is its complement that is
    # small.
    near = np.where(complement, np.inf, enough)
    plain = _followed(block, value, near, np.full(len(value), np.nan), told | ~told.any())
    if not told.any():
        return plain
    beside = _followed(_pinned(block, guess), value, near, guess, ~told)
    return replace(
        block,
        lowest=np.where(told, plain.lowest, beside.lowest),
        highest=np.where(told, plain.highest, beside.highest),
    )


def _pinned(block: Block, guess: Floats) -> Block:
    """The block, with what guesses say of each unknown alone."""
    told, nothing = np.isfinite(guess), np.zeros_like(block.upper)
    low, high = propagate(block.matrix[told], guess[told], guess[told], nothing, block.upper)
    lowest, highest = activity(block.matrix, low, high)
    return replace(
        block,
        lowest=np.maximum(block.lowest, lowest),
        highest=np.minimum(block.highest, highest),
    )


def _followed(block: Block, value: Floats, near: Floats, guess: Floats, asked: Bools) -> Block:
    """The block, some of its cells' ranges followed to their ends where these may be close.

    Args:
        block: The block.
        value: The cells' values.
        near: No cap binds of a cell that may hold as much.
        guess: Values that are guessed; not a number where none is.
        asked: Cells whose range is wanted.
    """
    told = np.isfinite(guess)
    held = block.matrix[told & (guess > 0)].getnnz(axis=0) > 0
    partly = (block.matrix @ held.astype(np.float64)) != 0
    lowest, highest = block.lowest.copy(), block.highest.copy()
    public = Polytope(
        block.matrix,
        np.where(told, guess, -np.inf),
        np.where(told, guess, block.most),
        block.upper,
        FAR,
    )
    # Without bounds of cells a range without an end has none.
    ends = asked & (highest > value) & (np.isfinite(highest) | np.isfinite(block.most).any())
    # One point at which many cells are high spares them a programme each.
    direction = (ends & (value < near)).astype(np.float64)
    point, _ = public.extreme(direction)
    seen = value if point is None else np.maximum(value, point)
    for cell in np.flatnonzero(ends & ((seen < near) | partly)):
        direction[:] = 0.0
        direction[cell] = 1.0
        top = public.extreme(direction)[1]
        highest[cell] = min(highest[cell], top if top < FAR else np.inf)
    for cell in np.flatnonzero(asked & (lowest < value) & np.isfinite(highest) & partly):
        direction[:] = 0.0
        direction[cell] = -1.0
        lowest[cell] = max(lowest[cell], -public.extreme(direction)[1])
    return replace(block, lowest=lowest, highest=highest)


def _second_attacker(
    block: Block,
    cells: pl.DataFrame,
    rules: pl.DataFrame,
    count: Bools,
    complement: Bools,
    threshold: Ints,
) -> tuple[Floats, Floats]:
    """Bounds known to a reader who can tell that a hidden cell is a primary one.

    A total over an unsafe cell may be hidden only to protect that cell, so no reader can tell
    that the total is small itself: knowledge is of the innermost unsafe cells. Of a cell in a
    group smaller than the threshold a reader knows no count, for zeros are hidden there too.
    """
    value, persons = cells["value"].to_numpy(), cells["persons"].to_numpy()
    top = threshold - 1
    told = _innermost(block, rules["rule"].is_not_null().to_numpy())
    told &= ~rules["denominator"].to_numpy() & cells["integer"].to_numpy()
    counted = told & count
    least = np.where(rules["zero"].to_numpy(), 0.0, 1.0)
    # Where a person counts more than once the value has no upper end at the threshold.
    most = np.where(value == np.nan_to_num(persons, nan=-1), top.astype(np.float64), np.inf)
    low = np.where(counted, least, -np.inf)
    high = np.where(counted, most, np.inf)
    whole = np.where(np.isfinite(block.highest), block.highest, 0.0)
    apart_persons = np.nan_to_num(cells["complement_persons"].to_numpy(), nan=-1)
    # Likewise of a complement that is not a number of persons, or of a group known too roughly.
    rest = told & complement & ~count & (whole - value == apart_persons)
    apart = np.where(rules["full_group"].to_numpy(), 0.0, 1.0)
    low = np.where(rest, whole - top, low)
    high = np.where(rest, whole - apart, high)
    # A range of one value is the public's own knowledge, not what is published.
    open_range = np.minimum(high, block.highest) - np.maximum(low, block.lowest) >= 1
    return np.where(open_range, low, -np.inf), np.where(open_range, high, np.inf)


def _innermost(block: Block, unsafe: Bools) -> Bools:
    """Unsafe cells whose unknowns do not strictly contain those of another unsafe cell."""
    rows = np.flatnonzero(unsafe)
    support = block.matrix[rows].copy()
    support.data = np.ones_like(support.data)
    size = np.diff(support.indptr)
    shared = (support @ support.T).tocoo()
    contains = (shared.data == size[shared.col]) & (size[shared.row] > size[shared.col])
    outer = np.zeros(len(unsafe), dtype=bool)
    outer[rows[shared.row[contains]]] = True
    return unsafe & ~outer
