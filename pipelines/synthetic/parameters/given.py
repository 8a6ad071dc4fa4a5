"""What a parameter is: a value, what it means, and where it is from, as data.

Belongs here: the annotation that carries meaning and source, and the table of all parameters.
Does not belong here: any value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import get_args, get_type_hints

Curve = tuple[tuple[float, float], ...]
"""(Age, value) knots, linear between and flat outside."""
Months = tuple[float, ...]
"""Relative rate per day in each of twelve months."""

ASSUMED = "assumed"


@dataclass(frozen=True)
class Given:
    """Stands in the annotation of a parameter.

    Attributes:
        what: What the value means, with its unit.
        source: Where it is from. Assumed values are chosen to look like a Norwegian region, not
            to estimate one.
    """

    what: str
    source: str = ASSUMED


@dataclass(frozen=True)
class Parameter:
    """One row of the table of parameters."""

    part: str
    name: str
    value: object
    what: str
    source: str


def parameters_of(module: ModuleType) -> Iterator[Parameter]:
    """The parameters of a module, in its order.

    Args:
        module: A module of this package.

    Raises:
        ValueError: If a value stands there without meaning and source.
    """
    part = module.__name__.rsplit(".", 1)[-1]
    hints = get_type_hints(module, include_extras=True)
    for name, value in vars(module).items():
        if not name.isupper():
            continue
        given = [extra for extra in get_args(hints.get(name)) if isinstance(extra, Given)]
        if not given:
            raise ValueError(
                f"parameters.{part}: {name} has no Given in its annotation; say what it means and "
                "where it is from."
            )
        yield Parameter(part, name, value, given[0].what, given[0].source)
