"""Finding indicators by words, everyday ones too.

Belongs here: which indicators some words mean, best first. Does not belong here: drawing the
list, the words people use (``everyday_words.yml``).

A word finds an indicator where it stands in, or inside a word of, one of its texts: Norwegian
writes *sykehjemsplass* in one. All words must be found; where no indicator has them all, those that
have most stand first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from dashboards import words
from dashboards.data_access import Release
from dashboards.kept import kept
from dashboards.text import translator

EVERYDAY: Final = Path(__file__).with_name("everyday_words.yml")
WEIGHTS: Final = (
    ("short_title", 8.0),
    ("title", 5.0),
    ("unit_text", 1.0),
    ("numerator_text", 1.0),
    ("denominator_text", 1.0),
    ("definition", 1.0),
    ("why", 0.5),
)
"""What a word tells of an indicator by the text that it is found in."""
_THEME: Final = 3.0
_SHORTEST_INSIDE: Final = 4
"""Fewer letters are looked for at the beginning of words only: *kø* is in too many."""
_WORD = re.compile(r"[\w]+")


def found(release: Release, language: str, asked: str) -> list[dict[str, Any]]:
    """The indicators that some words mean.

    Args:
        release: The release.
        language: Of the words: nb, nn or en.
        asked: What the reader wrote; nothing asks for all.

    Returns:
        Indicators as ``release.indicators`` has them, best first; all of them, in their order,
        where nothing is asked.
    """
    terms = _terms(asked.casefold().strip(), language)
    if not terms:
        return release.indicators
    texts = _texts(release, language)
    scored = []
    for indicator, fields in zip(release.indicators, texts, strict=True):
        scores = [max(_score(fields, one) for one in alternatives) for alternatives in terms]
        scored.append((sum(score > 0 for score in scores), sum(scores), indicator))
    scored = [one for one in scored if one[0]]
    all_of_them = [one for one in scored if one[0] == len(terms)]
    # Sorting keeps the order of those that are equally good.
    best = sorted(all_of_them or scored, key=lambda one: one[:2], reverse=True)
    return [indicator for _, _, indicator in best]


def _terms(asked: str, language: str) -> list[tuple[str, ...]]:
    """Each word or everyday phrase of the question, with what it stands for."""
    terms: list[tuple[str, ...]] = []
    for phrase, meant in _everyday().get(language, {}).items():
        if " " in phrase and phrase in asked:
            terms.append((phrase, *meant))
            asked = asked.replace(phrase, " ")
    everyday = _everyday().get(language, {})
    return [*terms, *((word, *everyday.get(word, ())) for word in _WORD.findall(asked))]


@lru_cache(maxsize=1)
def _everyday() -> Mapping[str, Mapping[str, Sequence[str]]]:
    read = yaml.safe_load(EVERYDAY.read_text(encoding="utf-8"))
    return {
        language: {str(word): tuple(map(str, meant)) for word, meant in entries.items()}
        for language, entries in read.items()
    }


@kept(most=16)
def _texts(release: Release, language: str) -> list[list[tuple[str, float]]]:
    """Each indicator's texts in small letters, with their weights."""
    _ = translator(language, "planner")
    return [
        [
            *((str(one[f"{field}_{language}"]).casefold(), weight) for field, weight in WEIGHTS),
            (words.theme(one["theme"], _).casefold(), _THEME),
        ]
        for one in release.indicators
    ]


def _score(fields: Sequence[tuple[str, float]], term: str) -> float:
    inside = "" if len(term) >= _SHORTEST_INSIDE else r"\b"
    wanted = re.compile(inside + re.escape(term))
    return sum(weight for text, weight in fields if wanted.search(text))
