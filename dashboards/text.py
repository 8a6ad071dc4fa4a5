"""Words, numbers and dates in bokmål, nynorsk and English.

Belongs here: finding a message in a gettext catalogue and writing a number or a date as the
language does. Does not belong here: the messages themselves (``locale/*.po``), indicator texts
(they come with the release), and anything of Streamlit.

Messages are written in English in the code; ``locale/<language>/LC_MESSAGES/<domain>.po`` holds
the translations. A page asks ``translator(language, "planner")`` for its own domain.
"""

from __future__ import annotations

import gettext
from datetime import date
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = ("nb", "nn", "en")
DEFAULT_LANGUAGE = "nb"
SOURCE_LANGUAGE = "en"
LOCALE_FOLDER = Path(__file__).resolve().parent / "locale"

_REGIONAL = {"nb": "nb_NO", "nn": "nn_NO", "en": "en_GB"}
_THIN_SPACE = "\u202f"
_MINUS = "\u2212"
_NORWEGIAN = str.maketrans(",.-", f"{_THIN_SPACE},{_MINUS}")
_ENGLISH = str.maketrans("-", _MINUS)


class Translator:
    """One language's messages of one domain.

    Call it with the English message and the values of its ``{placeholders}``.
    """

    def __init__(self, language: str, messages: gettext.NullTranslations) -> None:
        self.language = language
        self._messages = messages

    def __call__(self, message: str, **values: object) -> str:
        """The message in the language, with its placeholders filled."""
        text = self._messages.gettext(message)
        return text.format(**values) if values else text

    def plural(self, singular: str, plural: str, n: int, **values: object) -> str:
        """The message's form for ``n``; ``{n}`` in it is ``n`` written as a number."""
        text = self._messages.ngettext(singular, plural, n)
        return text.format(n=number(n, self.language), **values)


@lru_cache(maxsize=16)
def translator(language: str, domain: str) -> Translator:
    """The messages of a domain in a language.

    Args:
        language: ``nb``, ``nn`` or ``en``.
        domain: Name of the catalogue file without ending, such as ``planner``.

    Raises:
        ValueError: The language is not one of ``LANGUAGES``.
        FileNotFoundError: There is no catalogue of the domain for the language.
    """
    require_language(language)
    if language == SOURCE_LANGUAGE:
        return Translator(language, gettext.NullTranslations())
    path = LOCALE_FOLDER / language / "LC_MESSAGES" / f"{domain}.po"
    with path.open("rb") as source:
        catalogue = read_po(source, locale=_REGIONAL[language], domain=domain, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translator(language, gettext.GNUTranslations(compiled))


def require_language(language: str) -> str:
    """The language itself, if it is one of ``LANGUAGES``.

    Raises:
        ValueError: It is not.
    """
    if language not in LANGUAGES:
        raise ValueError(f"Language: expected one of {', '.join(LANGUAGES)}, got {language!r}.")
    return language


def number(value: float, language: str, decimals: int = 0) -> str:
    """A number as the language writes it.

    Args:
        value: The number.
        language: ``nb``, ``nn`` or ``en``.
        decimals: Digits after the decimal sign, always written out.

    Returns:
        Text with decimal comma and thin spaces between thousands in Norwegian, decimal point
        and commas in English; a true minus sign in all.
    """
    # A page has hundreds: reading a pattern for each, as Babel does, would be most of its cost.
    text = f"{round(value, decimals) + 0.0:,.{decimals}f}"
    return text.translate(_ENGLISH if language == SOURCE_LANGUAGE else _NORWEGIAN)


def day(value: date, language: str) -> str:
    """A date in words, such as ``31. desember 2025``."""
    text: str = format_date(value, format="long", locale=_REGIONAL[language])
    return text


def month(value: date, language: str) -> str:
    """A month in words, such as ``mars 2025``."""
    text: str = format_date(value, format="LLLL y", locale=_REGIONAL[language])
    return text


def years(first: date, last: date) -> str:
    """Years together, by the first and the last day, such as ``2023–2025``."""
    return f"{first.year}–{last.year}"


def quarter(value: date, language: str) -> str:
    """The quarter of a date in words, such as ``1. kvartal 2025``."""
    text: str = format_date(value, format="QQQQ y", locale=_REGIONAL[language])
    return text


def period(first: date, last: date, language: str) -> str:
    """What readers call a month, a quarter, a year, or several, by its first and its last day."""
    if last.year > first.year:
        return years(first, last)
    months = last.month - first.month + 1
    names = {1: month, 3: quarter}
    return names[months](first, language) if months in names else str(first.year)


def vega_locale(language: str) -> dict[str, Any]:
    """Number signs of the language in the form that Vega's ``config.locale`` takes."""
    if language == SOURCE_LANGUAGE:
        signs = {"decimal": ".", "thousands": ","}
    else:
        signs = {"decimal": ",", "thousands": _THIN_SPACE}
    return {"number": {**signs, "grouping": [3], "currency": ["", ""], "minus": _MINUS}}
