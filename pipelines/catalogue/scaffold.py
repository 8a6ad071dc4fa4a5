"""A new indicator file, to be filled in.

Belongs here: making it like one that is there, its texts left open. Does not belong here: writing
it (the command line), and what a file must say (``model``).
"""

from __future__ import annotations

from typing import Any

import yaml

from pipelines.catalogue.model import OPEN_TEXT, Indicator


def scaffold(like: Indicator, indicator_id: str, number: int) -> str:
    """A new indicator file like another, every text of it still open.

    Args:
        like: The indicator that it resembles most.
        indicator_id: Id of the new one; tells what it is.
        number: Its number.

    Returns:
        YAML. The loader refuses it until no text begins with ``TODO``.
    """
    content: dict[str, Any] = like.model_dump(mode="json", exclude_defaults=True)
    content |= {"id": indicator_id, "version": 1, "number": number, "comparable_to": []}
    content.pop("key_figure", None)  # the barometer is short: a new figure is chosen for it
    content["texts"] = {
        language: {
            name: _open(name, text)
            for name, text in like.texts[language].model_dump(mode="json").items()
        }
        for language in like.texts
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=96)


def _open(name: str, text: object) -> object:
    if name == "caveats":
        return [{"id": "todo_caveat", "text": f"{OPEN_TEXT}: what a reader must know"}]
    return f"{OPEN_TEXT}: {name}"


def scaffold_spec(indicator_id: str, years: range) -> str:
    """The frame of its expected-result spec.

    Args:
        indicator_id: Id of the new indicator.
        years: Calendar years that the spec looks at.
    """
    return (
        f"indicator: {indicator_id}\n"
        f"description: >-\n  {OPEN_TEXT}: who counts and who does not, in words.\n"
        f"years: [{', '.join(map(str, years))}]\n"
        "given: {}  # tables of the restricted zone, and the rows that matter\n"
        "expect: []  # area, year, numerator, denominator, coverage\n"
    )
