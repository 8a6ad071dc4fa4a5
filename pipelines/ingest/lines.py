"""What is wrong with a line that the parser refuses.

Belongs here: finding lines that the parser is likely to refuse, and naming the reason for those
it did refuse. Does not belong here: refusing them. The parser alone is the judge, so that a line's
fate never depends on its neighbours.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from pipelines.catalogue.fhir import fhir_r4
from pipelines.ingest.views import Shape


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its keys came twice."""

    duplicated: frozenset[str] = frozenset()


def flaw(line: bytes, shape: Shape) -> tuple[str, str] | None:
    """The flaw of a line, as far as it can be told without the parser.

    Args:
        line: One line.
        shape: The elements that are read.

    Returns:
        Reason code and the element it concerns (empty for the line as a whole), or none.
    """
    if reason := flaw_of_bytes(line):
        return reason, ""
    try:
        document = json.loads(line.decode("utf-8"), object_pairs_hook=_object)
    except RecursionError:
        return "nested_too_deep", ""
    except ValueError:
        return "broken_json", ""
    if not isinstance(document, dict):
        return "wrong_kind", ""
    return _misfit(document, shape, "")


def flaw_of_bytes(line: bytes) -> str | None:
    """Reason code where a line is no text at all, whatever its form; else none."""
    if b"\0" in line:
        return "nul_byte"
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return "not_utf8"
    return None


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    result = _Object(pairs)
    if len(result) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        result.duplicated = frozenset(name for name, count in counts.items() if count > 1)
    return result


def _misfit(value: dict[str, Any], shape: Shape, at: str) -> tuple[str, str] | None:
    if isinstance(value, _Object):
        for name in shape.children:
            if name in value.duplicated:
                return "duplicate_key", f"{at}.{name}".lstrip(".")
    for name, child in shape.children.items():
        found = value.get(name)
        path = f"{at}.{name}".lstrip(".")
        if found is None:
            continue
        if child.many != isinstance(found, list):
            return "wrong_kind", path
        for item in found if child.many else [found]:
            if problem := _misfit_item(item, child, path):
                return problem
    return None


def _misfit_item(item: object, shape: Shape, path: str) -> tuple[str, str] | None:
    if fhir_r4().is_primitive(shape.type) or not shape.children:
        return None
    if item is None:
        return None
    return _misfit(item, shape, path) if isinstance(item, dict) else ("wrong_kind", path)
