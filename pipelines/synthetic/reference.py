"""The reference page of the synthetic region: every parameter, its value and its source.

Belongs here: turning the parameters into one table. Does not belong here: any value.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.synthetic.parameters import all_parameters

_HEAD = """<!-- Made by `folkepuls docs build` from the parameters; do not edit. -->

# The synthetic region

Nobody in the synthetic region exists. What it is drawn from stands here, in one table: sizes come
from the reference files, everything else from these parameters. *Assumed* means chosen to look like
a Norwegian region, not to estimate one: nothing in a synthetic release says anything about a real
municipality. Curves are written as age: value, linear between; months run from January.

| Part | Parameter | Meaning | Value | Source |
| --- | --- | --- | --- | --- |
"""


def region_page() -> str:
    """The page ``docs/reference/synthetic-region.md``."""
    rows = [
        f"| {p.part} | `{p.name}` | {_cell(p.what)} | {_cell(_written(p.value))} "
        f"| {_cell(p.source)} |"
        for p in all_parameters()
    ]
    return _HEAD + "\n".join(rows) + "\n"


def _written(value: object) -> str:
    """A value for people: curves as pairs, lists with commas."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_nested(inner)}" for key, inner in value.items())
    if isinstance(value, tuple):
        return ", ".join(_nested(inner) for inner in value)
    return _nested(value)


def _nested(value: object) -> str:
    if isinstance(value, tuple):
        pairs = all(isinstance(inner, tuple) for inner in value)
        return "(" + ", ".join(_nested(inner) for inner in value) + ")" if pairs else _pair(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _pair(value: tuple[object, ...]) -> str:
    if len(value) == 2:
        return f"{_nested(value[0])}: {_nested(value[1])}"
    return " / ".join(_nested(inner) for inner in value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
