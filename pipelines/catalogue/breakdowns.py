"""Splits: what an indicator's events are divided by beyond place, time, sex and age.

Belongs here: the shape of ``breakdowns.yml``, and the splits as tables. Does not belong here: which
indicator is published by which (its file), and counting (``fct_breakdown_counts``).

A split divides events by an attribute of the event itself, so that its values add up to the total.
Persons may be in several values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import polars as pl
from pydantic import Field, RootModel, field_validator, model_validator

from pipelines.catalogue.model import (
    LANGUAGES,
    Identifier,
    Indicator,
    Language,
    Strict,
    every_language,
)

UNKNOWN = "unknown"
"""Value of events that name none of a split's values, and of those that name another."""
MOST_VALUES = 6
"""More than these a chart cannot tell apart, and most cells of a municipality would be hidden."""

_Words = dict[Language, Annotated[str, Field(min_length=2, max_length=40)]]


class Breakdown(Strict):
    """One split.

    Attributes:
        title: Its name.
        by: The phrase that a page says, such as *by service*.
        values: Names of its values, in the order in which they are shown.
        unknown: Name of the value of events that name none.
    """

    title: _Words
    by: _Words
    values: dict[Identifier, _Words] = Field(min_length=2, max_length=MOST_VALUES)
    unknown: _Words

    @field_validator("title", "by", "unknown")
    @classmethod
    def _in_every_language(cls, words: _Words) -> _Words:
        return dict(every_language(words))

    @model_validator(mode="after")
    def _values_are_told_apart(self) -> Breakdown:
        if reserved := {UNKNOWN, "total"} & self.values.keys():
            raise ValueError(f"values: {sorted(reserved)} may not name a value")
        for words in self.values.values():
            every_language(words)
        for language in LANGUAGES:
            names = [words[language] for words in (*self.values.values(), self.unknown)]
            if len(set(names)) != len(names):
                raise ValueError(f"two values have the same name in {language}")
        return self

    def codes(self) -> tuple[str, ...]:
        """Its values in order, the unknown one last."""
        return (*self.values, UNKNOWN)


class Breakdowns(RootModel[dict[Identifier, Breakdown]]):
    """The file ``breakdowns.yml``: splits by id."""


def asked_values(
    breakdowns: Mapping[str, Breakdown], specs: Sequence[Indicator], *, unknown: bool = True
) -> pl.DataFrame:
    """What each indicator is split into.

    Args:
        breakdowns: The splits by id.
        specs: Indicators.
        unknown: Whether the unknown value is among them.

    Returns:
        One row per indicator, split and value: indicator_id, breakdown, breakdown_value.
    """
    rows = [
        (spec.id, name, code)
        for spec in specs
        for name in spec.breakdowns
        for code in breakdowns[name].codes()
        if unknown or code != UNKNOWN
    ]
    schema = dict.fromkeys(("indicator_id", "breakdown", "breakdown_value"), pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")


def breakdowns_table(breakdowns: Mapping[str, Breakdown]) -> pl.DataFrame:
    """The published table ``breakdowns``: names of splits and their values in three languages.

    Args:
        breakdowns: The splits by id.

    Returns:
        One row per split and value: breakdown, breakdown_value, position (1 is shown first), and
        per language title_, by_ and label_ (the name of the value).
    """
    rows = [
        {
            "breakdown": name,
            "breakdown_value": code,
            "position": position,
            **{f"title_{one}": split.title[one] for one in LANGUAGES},
            **{f"by_{one}": split.by[one] for one in LANGUAGES},
            **{f"label_{one}": split.values.get(code, split.unknown)[one] for one in LANGUAGES},
        }
        for name, split in breakdowns.items()
        for position, code in enumerate(split.codes(), start=1)
    ]
    return pl.DataFrame(rows)
