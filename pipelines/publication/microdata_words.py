"""Words and numbers of the microdata report, in three languages.

Belongs here: reading ``catalogue/microdata_report_texts.yml``, filling its templates, writing a
number as the language does. Does not belong here: what the report tells (``microdata_report``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Final

from babel.numbers import format_decimal
from pydantic import RootModel, field_validator

from pipelines.catalogue.loader import HERE as CATALOGUE
from pipelines.catalogue.loader import read_yaml
from pipelines.catalogue.model import LANGUAGES, Language

NOTHING: Final = "–"
_REGIONAL: Final = {"nb": "nb_NO", "nn": "nn_NO", "en": "en_GB"}
_LEAST_SHARE: Final = 0.0001


class ReportTexts(RootModel[Mapping[str, Mapping[Language, str]]]):
    """Every text by key and language."""

    @field_validator("root")
    @classmethod
    def _complete(
        cls, entries: Mapping[str, Mapping[Language, str]]
    ) -> Mapping[str, Mapping[Language, str]]:
        for key, texts in entries.items():
            if missing := set(LANGUAGES) - set(texts):
                raise ValueError(f"{key} lacks {sorted(missing)}")
            if len({fields(text) for text in texts.values()}) != 1:
                raise ValueError(f"{key} has other placeholders in one language than in another")
        return entries


def fields(text: str) -> frozenset[str]:
    """The placeholders of a template.

    Args:
        text: The template.
    """
    return frozenset(field for _, field, _, _ in Formatter().parse(text) if field is not None)


@cache
def report_texts() -> Mapping[str, Mapping[Language, str]]:
    """The texts by key and language.

    Raises:
        CatalogueError: A text lacks a language or has other placeholders there.
    """
    return read_yaml(CATALOGUE / "microdata_report_texts.yml", ReportTexts).root


@dataclass(frozen=True)
class Cell:
    """What stands in one place of the page.

    Attributes:
        text: As a person reads it.
        value: The same as a number in full, for whoever reads the page by machine.
        is_number: Whether it stands in line with numbers, known or not.
    """

    text: str
    value: float | int | None = None
    is_number: bool = False


_UNKNOWN: Final = Cell(NOTHING, is_number=True)


def _number(text: str, value: float | int) -> Cell:
    return Cell(text, value, is_number=True)


@dataclass(frozen=True)
class Words:
    """The texts and numbers of one language. Call it with a key and the placeholders' values."""

    language: Language

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ValueError(
                f"language: expected one of {', '.join(LANGUAGES)}; got {self.language!r}."
            )

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, with its placeholders filled."""
        return report_texts()[key][self.language].format(**values)

    def count(self, value: int | None) -> Cell:
        """A whole number."""
        return _UNKNOWN if value is None else _number(self._decimal(value, "#,##0"), value)

    def number(self, value: float | None) -> Cell:
        """A number to four significant digits."""
        if value is None:
            return _UNKNOWN
        if math.isinf(value):
            return _number("∞", value)
        return _number(self._decimal(float(f"{value:.4g}"), "#,##0.########"), value)

    def share(self, value: float | None) -> Cell:
        """A share from 0 to 1 as per cent."""
        if value is None:
            return _UNKNOWN
        small = 0 < value < _LEAST_SHARE
        percent = self._decimal(100 * (_LEAST_SHARE if small else value), "#,##0.##")
        below = "<\u00a0" if small else ""
        gap = "" if self.language == "en" else "\u00a0"
        return _number(f"{below}{percent}{gap}%", value)

    def _decimal(self, value: float | int, pattern: str) -> str:
        return format_decimal(value, pattern, locale=_REGIONAL[self.language])
