"""Named results, and the reasons for which a method refuses.

Belongs here: the shape of an answer. Does not belong here: how it is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from pipelines.epidemiology.inputs import Flags, Floats

Objects = npt.NDArray[np.object_]

Reason = Literal[
    "missing",
    "no_population",
    "too_few_events",
    "too_few_years",
    "missing_years",
    "overlapping_years",
    "no_uncertainty",
    "too_few_groups",
    "not_transformable",
    "base_near_zero",
    "other_age_bands",
    "small_population",
    "deaths_above_population",
    "no_deaths_at_the_end",
    "no_survivors",
    "wide_interval",
    "too_few_points",
]

MISSING: Reason = "missing"
TOO_FEW_EVENTS: Reason = "too_few_events"
NO_POPULATION: Reason = "no_population"

MINIMUM_EVENTS = 10
"""Fewest events for which a directly standardised rate is given (Dobson et al. 1991
take the events as approximately Poisson; official practice draws the line at ten)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval; all three are None exactly where ``reason`` is set.

    Attributes:
        value: The figure.
        lower: Lower confidence limit, same unit.
        upper: Upper confidence limit, same unit.
        reason: Why there is no value, else None.
    """

    value: float | None
    lower: float | None
    upper: float | None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Estimates:
    """A column of figures with their intervals, in the order in which they were asked for.

    ``len``, iteration and ``[i]`` give each row as an `Estimate`.

    Attributes:
        value: The figures; None where refused.
        lower: Lower confidence limits, same unit.
        upper: Upper confidence limits, same unit.
        reason: Why there is no value; None where there is one.
    """

    value: tuple[float | None, ...]
    lower: tuple[float | None, ...]
    upper: tuple[float | None, ...]
    reason: tuple[Reason | None, ...]

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, row: int) -> Estimate:
        return Estimate(self.value[row], self.lower[row], self.upper[row], self.reason[row])

    def __iter__(self) -> Iterator[Estimate]:
        return (self[row] for row in range(len(self)))

    def to_frame(self) -> pl.DataFrame:
        """The rows as a frame: value, lower, upper (float) and reason (text)."""
        types = (pl.Float64, pl.Float64, pl.Float64, pl.String)
        return pl.DataFrame(
            [
                pl.Series(field.name, getattr(self, field.name), dtype=kind)
                for field, kind in zip(fields(Estimates), types, strict=True)
            ]
        )


@dataclass(frozen=True, slots=True)
class IndirectEstimate:
    """An indirectly standardised figure with what it was made of.

    Attributes:
        value: Rate in the multiplier's unit, or ratio times the multiplier.
        lower: Lower confidence limit, same unit.
        upper: Upper confidence limit, same unit.
        observed: Events observed.
        expected: Events expected from the reference's band-specific rates.
        reason: Why there is no value, else None.
        reference_rate: The reference's crude rate in the multiplier's unit.
    """

    value: float | None
    lower: float | None
    upper: float | None
    observed: float
    expected: float
    reason: Reason | None = None
    reference_rate: float | None = None


def first_reason(size: int, rules: Mapping[Reason, Flags]) -> Objects:
    """For each row the first rule that refuses it, else None."""
    found = np.full(size, None, dtype=object)
    for reason, holds in reversed(list(rules.items())):
        found[np.broadcast_to(holds, (size,))] = reason
    return found


def unrefused(reasons: Objects) -> Flags:
    """Where no reason is given."""
    return np.asarray(reasons == np.array(None, dtype=object), dtype=np.bool_)


def shown(numbers: Floats, where: Flags) -> tuple[float | None, ...]:
    """The numbers where they are to be shown, None elsewhere."""
    objects = numbers.astype(object)
    objects[~where] = None
    return tuple(objects.tolist())


def estimates(value: Floats, lower: Floats, upper: Floats, reason: Objects) -> Estimates:
    """Rows of numbers as results, None where a reason is given."""
    fine = unrefused(reason)
    return Estimates(
        shown(value, fine), shown(lower, fine), shown(upper, fine), tuple(reason.tolist())
    )
