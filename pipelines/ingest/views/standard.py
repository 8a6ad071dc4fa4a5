"""What of SQL on FHIR v2 is supported: the standard's constructs, put to the compiler.

Belongs here: asking, and the page that tells (docs/reference/viewdefinitions.md). Does not belong
here: the list itself (``standard.yml``), what rows come out (tests/spec/viewdefinitions).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipelines.ingest.views.definition import compile_view
from pipelines.ingest.views.document import CONSTANTS, ViewDefinitionError

FILE = Path(__file__).with_name("standard.yml")
_PARTS = {
    "structure": "The parts of a view",
    "rules": "What the standard has a view refused for",
    "functions": "Functions",
    "expressions": "Expressions",
}


@dataclass(frozen=True)
class Construct:
    """One construct of the standard.

    Attributes:
        part: Part of the list.
        name: Its name.
        example: The FHIRPath, or the part of a view, that uses it.
        refusal: Message of the compiler; empty where it is supported.
    """

    part: str
    name: str
    example: str
    refusal: str


@cache
def constructs() -> tuple[Construct, ...]:
    """All constructs with the compiler's answer, in the order of the list."""
    return tuple(_constructs())


def _constructs() -> Iterator[Construct]:
    for part, entries in yaml.safe_load(FILE.read_text(encoding="utf-8")).items():
        for name, entry in entries.items():
            yield Construct(part, name, _example(entry), _refusal(_view(entry)))


def _view(entry: dict[str, Any]) -> dict[str, Any]:
    column = {"select": [{"column": [{"name": "a", "path": entry.get("path")}]}]}
    resource = entry.get("resource", "Patient")
    view: dict[str, Any] = dict(entry.get("view", column))
    return view if resource is None else {"resource": resource, **view}


def _example(entry: dict[str, Any]) -> str:
    given = entry.get("path", entry.get("view"))
    text = given if isinstance(given, str) else yaml.safe_dump(given, default_flow_style=True)
    return " ".join(text.split())


def _refusal(view: dict[str, Any]) -> str:
    try:
        compile_view(view, exact_decimals=True)
    except ViewDefinitionError as error:
        return str(error).partition(": ")[2]
    return ""


def page() -> str:
    """The page, without its first line."""
    parts = [
        "# ViewDefinitions: what is supported\n",
        "Constructs of [SQL on FHIR v2](https://sql-on-fhir.org/ig/), each put to the compiler "
        "when this page was made. What is refused is refused before anything is read, by an error "
        "that names the element. Types and elements are those of FHIR R4; constants may be of "
        f"{', '.join(f'`{kind}`' for kind in CONSTANTS)}.\n",
    ]
    for part, title in _PARTS.items():
        parts.append(f"## {title}\n\n| construct | example | answer |\n| --- | --- | --- |")
        for each in (one for one in constructs() if one.part == part):
            answer = f"refused: `{_cell(each.refusal)}`" if each.refusal else "supported"
            parts.append(f"| {_cell(each.name)} | `{_cell(each.example)}` | {answer} |")
        parts.append("")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")
