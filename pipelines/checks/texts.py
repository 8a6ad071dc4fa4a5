"""The sentence a steward reads for each check, in three languages.

Belongs here: filling the templates of ``catalogue/check_texts.yml``. Does not belong here: the
templates themselves, and page texts.
"""

from __future__ import annotations

from functools import cache
from string import Formatter

from pydantic import Field, field_validator

from pipelines.catalogue.loader import HERE as CATALOGUE
from pipelines.catalogue.loader import read_yaml
from pipelines.catalogue.model import LANGUAGES, Language, Strict
from pipelines.checks.model import Check

FIELDS = frozenset({"table", "column", "columns", "type", "minimum", "maximum"})


class CheckTexts(Strict):
    """Names of tables and sentence templates, each in every language."""

    tables: dict[str, dict[Language, str]]
    types: dict[str, dict[Language, str]]
    sentences: dict[str, dict[Language, str]] = Field(min_length=1)

    @field_validator("tables", "types", "sentences")
    @classmethod
    def _complete(cls, entries: dict[str, dict[Language, str]]) -> dict[str, dict[Language, str]]:
        for name, texts in entries.items():
            if missing := set(LANGUAGES) - set(texts):
                raise ValueError(f"{name} lacks {sorted(missing)}")
            for text in texts.values():
                used = {field for _, field, _, _ in Formatter().parse(text) if field is not None}
                if unknown := used - FIELDS:
                    raise ValueError(f"{name} uses unknown fields {sorted(unknown)}")
        return entries


@cache
def check_texts() -> CheckTexts:
    """The project's own sentences.

    Raises:
        CatalogueError: A sentence lacks a language or names an unknown field.
    """
    return read_yaml(CATALOGUE / "check_texts.yml", CheckTexts)


def sentence(check: Check, table: str) -> dict[Language, str]:
    """A check as a sentence in nb, nn and en.

    Args:
        check: The check; its ``text`` names the template.
        table: Name of the table it is about.

    Raises:
        KeyError: There is no template or no name of the table in the catalogue.
    """
    texts = check_texts()
    if check.text not in texts.sentences:
        raise KeyError(f"check_texts.yml: expected a sentence {check.text!r} for {check.check_id}")
    if table not in texts.tables:
        raise KeyError(f"check_texts.yml: expected a name of the table {table!r}")
    kind = check.words.get("type", "")
    return {
        language: texts.sentences[check.text][language].format(
            table=texts.tables[table][language],
            column=check.named()[0] if check.named() else "",
            columns=", ".join(check.named()),
            type=texts.types[kind][language] if kind else "",
            minimum=_plain(check.minimum),
            maximum=_plain(check.maximum),
        )
        for language in LANGUAGES
    }


def _plain(value: object) -> str:
    """A limit as written in a sentence: whole numbers without a decimal part."""
    if value is None:
        return "∞"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
