"""The planner's messages: all translated, none fuzzy, none left over; numbers as written here."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from dashboards.text import LOCALE_FOLDER, day, number, require_language, translator
from tests.support.messages import used_messages

DASHBOARDS = LOCALE_FOLDER.parent
LANGUAGES = ("nb", "nn")


def planner_files() -> list[Path]:
    return [
        file
        for file in DASHBOARDS.rglob("*.py")
        if not file.name.startswith("steward") and "notebooks" not in file.parts
    ]


def catalogue(language: str) -> Catalog:
    with (LOCALE_FOLDER / language / "LC_MESSAGES" / "planner.po").open("rb") as source:
        return read_po(source, locale=language, abort_invalid=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_none_is_left_over(language: str) -> None:
    translated = {message.id for message in catalogue(language) if message.id and message.string}
    assert translated == used_messages(planner_files())


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_fuzzy_or_obsolete(language: str) -> None:
    assert [message.id for message in catalogue(language) if message.fuzzy and message.id] == []
    assert list(catalogue(language).obsolete) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_their_placeholders(language: str) -> None:
    def fields(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}

    wrong = [m.id for m in catalogue(language) if m.id and fields(m.id) != fields(m.string)]
    assert wrong == []


def test_an_untranslated_message_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "view.py"
    file.write_text("x = f\"<p>{_('Not in any catalogue')}</p>\"")
    assert used_messages([file]) == {"Not in any catalogue"}
    assert "Not in any catalogue" not in used_messages(planner_files())


def test_a_message_that_is_not_a_plain_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "view.py"
    file.write_text('x = _(f"{y}")')
    with pytest.raises(ValueError, match="not a plain text"):
        used_messages([file])


@pytest.mark.parametrize(
    ("value", "decimals", "language", "written"),
    [
        (1234567.25, 1, "nb", "1\u202f234\u202f567,2"),
        (1234567.25, 1, "nn", "1\u202f234\u202f567,2"),
        (1234567.25, 1, "en", "1,234,567.2"),
        (-0.04, 1, "nb", "0,0"),
        (-2.5, 1, "nb", "\u22122,5"),
        (3.0, 1, "nb", "3,0"),
        (12, 0, "nb", "12"),
    ],
)
def test_numbers(value: float, decimals: int, language: str, written: str) -> None:
    assert number(value, language, decimals) == written


@pytest.mark.parametrize(
    ("language", "written"),
    [("nb", "31. desember 2025"), ("nn", "31. desember 2025"), ("en", "31 December 2025")],
)
def test_dates(language: str, written: str) -> None:
    assert day(date(2025, 12, 31), language) == written


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="nb, nn, en"):
        require_language("de")
    with pytest.raises(ValueError, match="'de'"):
        translator("de", "planner")


@pytest.mark.parametrize(
    ("language", "locale"), [("nb", "nb_NO"), ("nn", "nn_NO"), ("en", "en_GB")]
)
def test_numbers_are_written_as_babel_writes_them(language: str, locale: str) -> None:
    for value in (0, -0.04, 0.05, 0.25, 2.5, -12.345, 999.95, 1234, 218460.0, -1234567.891):
        for decimals in range(4):
            pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
            told = format_decimal(round(value, decimals) + 0.0, format=pattern, locale=locale)
            expected = told.replace("\u00a0", "\u202f").replace("-", "\u2212")
            assert number(value, language, decimals) == expected
