"""The texts of quarantine and refusal reasons.

Belongs here: reading ``quarantine_reasons.yml``. Does not belong here: deciding on a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

from pydantic import Field, RootModel

from pipelines.catalogue.entities import HERE, Strict
from pipelines.catalogue.loader import read_yaml
from pipelines.catalogue.model import Language

FILE = HERE / "quarantine_reasons.yml"


class Reason(Strict):
    """One reason: what it concerns, and what a person reads."""

    scope: Literal["line", "file", "delivery"]
    nb: str = Field(min_length=10)
    nn: str = Field(min_length=10)
    en: str = Field(min_length=10)

    def text(self, language: Language) -> str:
        """The sentence in one language."""
        return {"nb": self.nb, "nn": self.nn, "en": self.en}[language]


class Reasons(RootModel[Mapping[str, Reason]]):
    """All reasons by code."""


@cache
def load_reasons() -> Mapping[str, Reason]:
    """Reason by code.

    Raises:
        CatalogueError: The file is wrong; names the key.
    """
    return read_yaml(FILE, Reasons).root
