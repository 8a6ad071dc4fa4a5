"""Words and figures of what protection did: rules, reasons, costs, widths, proofs.

Belongs here: one cell's worth of text each. Does not belong here: tables and pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.text import Translator, number
from dashboards.views.steward_parts import Desk, known

NONE = "–"
SHOWN = "shown"
ORDER = (SHOWN, "primary", "secondary", "disclosure")
NOT_THERE = (
    "municipality_not_live",
    "service_not_covered",
    "years_not_covered",
    "no_data",
    "year_not_computed",
)


def reason_words(tr: Translator) -> dict[str, str]:
    """Why a figure is not there, or that it is."""
    return {
        SHOWN: tr("Shown"),
        "primary": tr("Unsafe by themselves"),
        "secondary": tr("To protect others"),
        "disclosure": tr("Hidden for other reasons"),
        "municipality_not_live": tr("Not in use yet"),
        "service_not_covered": tr("Not covered"),
        "no_data": tr("No data"),
        "year_not_computed": tr("Not for this year"),
        "years_not_covered": tr("Not every year covered"),
        "too_few_events": tr("Too uncertain"),
        "not_defined_for_group": tr("Not defined"),
        "exceeds_register": tr("More than are registered"),
        "age_groups_merged": tr("Age groups merged"),
    }


def rule_words(tr: Translator) -> dict[str, str]:
    """What makes a figure unsafe, by rule of the policy."""
    return {
        "persons": tr("few persons"),
        "complement": tr("few others"),
        "denominator": tr("small group"),
        "zero": tr("nobody in a small group"),
        "full_group": tr("everybody in a small group"),
        "dominance": tr("one person gives most"),
        "contributors": tr("few patients behind it"),
        "providers": tr("few providers behind it"),
        "weak_series": tr("mostly hidden series"),
    }


def search_words(tr: Translator) -> dict[str, str]:
    """Why a part's pattern is not proven to be the least."""
    return {
        "too_large": tr("too large to be settled exactly"),
        "magnitudes": tr("quantities, not counts"),
        "rounds": tr("not settled within the effort allowed"),
        "nodes": tr("not settled within the effort allowed"),
    }


def share_words(desk: Desk, share: float | None) -> str:
    """A share in per cent; above nothing it is never written as nothing."""
    if share is None:
        return NONE
    percent = 100 * share
    if 0 < percent < 1:
        return desk.translate("<{share}%", share=number(1, desk.language))
    return desk.translate("{share}%", share=number(percent, desk.language))


def primary_words(desk: Desk, figures: int, rules: Sequence[Mapping[str, Any]] | None) -> str:
    """How many figures are unsafe by themselves, and by which rule."""
    words = rule_words(desk.translate)
    told = [
        f"{known(words, str(one['rule']))}: {desk.count(int(one['cells']))}"
        for one in rules or ()
        if one["rule"] is not None
    ]
    return "\n".join([desk.count(figures), *told])


def cost_words(desk: Desk, cost: float | None, worth: float | None) -> str:
    """The weight that is lost, and its share of all there is."""
    if cost is None or not worth:
        return NONE
    weight = desk.translate(
        "{cost} of {worth}",
        cost=number(cost, desk.language),
        worth=number(worth, desk.language),
    )
    return f"{share_words(desk, cost / worth)}\n{weight}"


def width_words(desk: Desk, narrowest: float | None, required: float | None) -> str:
    """How wide the narrowest interval is at least, and how wide it has to be."""
    if narrowest is None or required is None:
        return NONE
    asked = desk.translate("required: {width}", width=_width(desk, required))
    return f"{_width(desk, narrowest)}\n{asked}"


def second_words(desk: Desk, values: int | None) -> str:
    """How many values stay possible for a reader who knows which figures are small."""
    if values is None:
        return NONE
    return desk.translate("{n} values", n=number(values, desk.language))


def proof_words(desk: Desk, row: Mapping[str, Any]) -> str:
    """Whether the pattern is proven to be the least, and why it is not where it is not.

    Args:
        desk: The desk.
        row: blocks, proven, and reason and block_cells of the largest that is not.
    """
    tr = desk.translate
    if not row["blocks"]:
        return NONE
    if row["proven"] == row["blocks"]:
        return tr("No: proven")
    why = known(search_words(tr), str(row["reason"]))
    of = tr(
        "{proven} of {blocks} parts proven",
        proven=number(row["proven"], desk.language),
        blocks=number(row["blocks"], desk.language),
    )
    cells = tr("largest: {n} cells", n=number(row["block_cells"], desk.language))
    return "\n".join([tr("Perhaps: {why}", why=why), f"{of}, {cells}"])


def _width(desk: Desk, width: float) -> str:
    if width == float("inf"):
        return desk.translate("no end")
    return number(width, desk.language, 0 if width == round(width) else 1)
