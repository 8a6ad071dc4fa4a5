"""What makes a figure what it is, and how two catalogues differ in it.

Belongs here: which keys of an indicator's file decide its number, as one text that a release keeps,
and the comparison of such texts. Does not belong here: words that a reader sees, which may be
mended without a new version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pipelines.catalogue.model import Indicator

WORDS = frozenset(
    {
        "texts",
        "number",
        "theme",
        "statutory_heading",
        "key_figure",
        "polarity",
        "comparable_to",
        "periods",
        "breakdowns",
        "pooled_years",
        "median",
    }
)
"""Keys that say how a figure is told, or what stands beside the figure of the year, not
what it is."""

Kind = Literal["added", "removed", "new_version", "changed"]


@dataclass(frozen=True)
class Change:
    """How one indicator differs between two catalogues.

    Attributes:
        indicator_id: The indicator.
        kind: ``added``; ``removed``; ``new_version``: its definition differs and so does its
            version; ``changed``: its definition differs and its version does not.
        versions: Old and new version; null where it is not there.
        keys: Key that differs, what it was, what it is; values as JSON.
    """

    indicator_id: str
    kind: Kind
    versions: tuple[int | None, int | None]
    keys: tuple[tuple[str, str, str], ...] = ()


def definition_text(indicator: Indicator) -> str:
    """Everything of a file that decides the number, as JSON with sorted keys.

    Args:
        indicator: The indicator.
    """
    content = indicator.model_dump(mode="json", exclude=set(WORDS) | {"id", "version"})
    return json.dumps(content, sort_keys=True, ensure_ascii=False)


def differences(
    before: Mapping[str, tuple[int, str]], after: Mapping[str, tuple[int, str]]
) -> list[Change]:
    """How definitions differ.

    Args:
        before: Version and ``definition_text`` by indicator.
        after: The same, later.

    Returns:
        One entry per indicator that differs, sorted by id. A version that grew although nothing
        else differs is told too: a measure's own SQL may have changed.
    """
    return list(_differences(before, after))


def _differences(
    before: Mapping[str, tuple[int, str]], after: Mapping[str, tuple[int, str]]
) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield Change(name, "added", (None, after[name][0]))
        elif name not in after:
            yield Change(name, "removed", (before[name][0], None))
        elif before[name] != after[name]:
            (old, was), (new, now) = before[name], after[name]
            keys = tuple(_keys(_deciding(was), _deciding(now)))
            if keys or old != new:
                yield Change(name, "changed" if old == new else "new_version", (old, new), keys)


def _deciding(text: str) -> dict[str, object]:
    """The keys that decide a number: releases of before kept some that do not."""
    return {key: value for key, value in json.loads(text).items() if key not in WORDS}


def _keys(was: object, now: object, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Innermost keys that differ; lists are told whole."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            yield from _keys(was.get(key), now.get(key), f"{path}.{key}" if path else key)
    elif was != now:
        yield path, _told(was), _told(now)


def _told(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
