"""What stands beside a figure, or in its place: reasons, plans, coverage, comparison, breaks.

Belongs here: sentences and half sentences made from a whole row. Does not belong here: names of
single codes (``words.py``), HTML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dashboards import words
from dashboards.text import Translator, day, number

FLAGS = ("partial_coverage", "coarse_age", "small_numerator")
DEMONSTRATION = "folkepuls demo"
"""Who signs the releases that the demonstration makes."""
_FULL = 0.995
_ISO_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}")


def covered_part(row: Mapping[str, Any]) -> float | None:
    """The covered share of a row that is not wholly covered; ``None`` where it is."""
    share = row.get("covered_share")
    return None if share is None or share >= _FULL else float(share)


def coverage(row: Mapping[str, Any], _: Translator) -> str:
    """How much of an area and period a partly covered figure stands for."""
    part = covered_part(row)
    if part is None:
        return words.flag("partial_coverage", _)
    wide = row.get("area_level") in ("region", "county")
    if is_little(part):
        few = _("stands for municipalities with few of the inhabitants")
        return few if wide else _("partly covered: a small part")
    share = number(100 * part, _.language)
    if wide:
        return _("stands for municipalities with {share}% of the inhabitants", share=share)
    return _("partly covered: {share}%", share=share)


def is_little(part: float) -> bool:
    """Whether a covered share is rounded to nothing, though something is covered."""
    return round(100 * part) < 1


def flags(row: Mapping[str, Any], _: Translator) -> str:
    """A row's quality flags as words, with commas between."""
    codes = [code for code in (row["quality_flags"] or "").split(",") if code]
    said = [coverage(row, _) if code == FLAGS[0] else words.flag(code, _) for code in codes]
    return ", ".join(said)


def flag_explained(code: str, _: Translator) -> str:
    """A quality flag in a sentence."""
    return {
        "partial_coverage": _(
            "The service was covered for a part of the people or the period only, or, for a county "
            "or the region, in some municipalities only. The share is told beside the figure."
        ),
        "coarse_age": _(
            "The area is too small for fine age groups, so that age is evened out in part only."
        ),
        "small_numerator": _("Fewer than twenty events: chance may move the figure much."),
    }[code]


def reason(row: Mapping[str, Any], _: Translator) -> str:
    """Why a row has no figure, with the planned date where there is one."""
    why = words.reason(row["status_reason"], _)
    not_live = row["status_reason"] == "municipality_not_live"
    if not_live and row.get("go_live_certainty") == "planned":
        when = day(row["go_live_on"], _.language)
        plan = (
            _("was planned for {day}, not confirmed", day=when)
            if row["plan_passed"]
            else _("planned for {day}, not confirmed", day=when)
        )
        return f"{why} ({plan})"
    return why


def explanation(row: Mapping[str, Any], _: Translator) -> str:
    """Why there is no figure, or what to mind about it; empty for a plain figure."""
    if row["value"] is None:
        why = reason(row, _)
        said = words.status(row["value_status"], _)
        return f"{said}: {why}" if why else words.status_explained(row["value_status"], _)
    parts = [flags(row, _)]
    if row["value_status"] != "ok":
        parts.insert(0, words.status(row["value_status"], _))
    return ", ".join(part for part in parts if part)


def comparison(row: Mapping[str, Any], region: str, decimals: int, _: Translator) -> str:
    """The end of a reading sentence: how the figure stands to the region's."""
    if row["area_level"] == "region":
        if covered_part(row) is not None:
            return _("counting the municipalities that are covered")
        return _("counting the whole region")
    if row["region_value"] is None or row["versus_region"] == "not_compared":
        return _("not compared with the region")
    text = {
        "higher": _("higher than {region} as a whole ({value})"),
        "lower": _("lower than {region} as a whole ({value})"),
        "similar": _("not clearly different from {region} as a whole ({value})"),
    }[row["versus_region"]]
    return text.format(region=region, value=number(row["region_value"], _.language, decimals))


def hidden_parts(statuses: Sequence[str], part: str, _: Translator) -> str:
    """How many months or quarters of a chart are hidden; empty where none is.

    Args:
        statuses: Of each month or quarter that the chart has room for.
        part: ``month`` or ``quarter``.
        _: The reader's messages.
    """
    hidden = sum(one == "suppressed" for one in statuses)
    if not hidden:
        return ""
    text = {
        "month": _(
            "{n} of the {all} months are hidden for privacy and have the sign : at the foot of "
            "the chart. Months with 0 say nothing of them: a hidden month need not be 0."
        ),
        "quarter": _(
            "{n} of the {all} quarters are hidden for privacy and have the sign : at the foot of "
            "the chart. Quarters with 0 say nothing of them: a hidden quarter need not be 0."
        ),
    }[part]
    counts = {"n": hidden, "all": len(statuses)}
    return text.format(**{name: number(count, _.language) for name, count in counts.items()})


def middle_of_peers(row: Mapping[str, Any], decimals: int, _: Translator) -> str:
    """The middle of the municipalities that a row's area is compared with, or why there is none."""
    if row["peer_median"] is not None:
        return number(row["peer_median"], _.language, decimals)
    if row["area_level"] == "region":
        return _("The region has none")
    if row["peer_group"] is None:
        return _("Not compared")
    return _("Too few of them have a figure shown")


def unlike_the_top(
    top: Mapping[str, Any], crude: Mapping[str, Any], decimals: int, _: Translator
) -> str:
    """Which is which where crude figures stand below one that is computed in another way.

    Args:
        top: The row at the top of the page.
        crude: The crude row of the same area and year, of all sexes and ages together.
        decimals: Of the figures.
        _: The reader's messages.

    Returns:
        Empty where both are crude.
    """
    if top["value_kind"] == "crude":
        return ""
    kind = words.kind(top["value_kind"], _)
    said = _(
        "The figures here are unadjusted, as observed. The figure at the top of the page is "
        "computed in another way: {kind}.",
        kind=kind[:1].lower() + kind[1:],
    )
    if top["value"] is None or crude["value"] is None:
        return said
    figures = {
        name: number(row["value"], _.language, decimals)
        for name, row in (("top", top), ("here", crude))
    }
    if figures["top"] == figures["here"]:
        return said
    both = _("That is why it is {top} there, and {here} here for all together.", **figures)
    return f"{said} {both}"


def reason_given(facts: Mapping[str, Any], _: Translator) -> str:
    """Why a release was signed: a steward's own words, or the demonstration's in the language."""
    if facts["synthetic"] and facts["signed_by"] == DEMONSTRATION:
        return _("Demonstration with synthetic figures, signed by the demonstration itself.")
    return str(facts["sign_reason"] or "")


def same_municipalities(row: Mapping[str, Any], decimals: int, _: Translator) -> str:
    """Two years over the municipalities that are live in both, or why they are not compared.

    Args:
        row: A row of ``like_for_like``.
        decimals: Of the figures.
        _: The reader's messages.
    """
    counted = {"n": number(row["areas"], _.language), "live": number(row["areas_live"], _.language)}
    years = {"earlier": row["earlier_start"].year, "year": row["period_start"].year}
    if row["value"] is None or row["earlier_value"] is None:
        return _(
            "The same municipalities in both years are too few to compare: of {live} that were "
            "live in both {earlier} and {year}, {n} have a figure shown in both.",
            **counted,
            **years,
        )
    earlier = {name: row[f"earlier_{name}"] for name in ("value", "lower_ci", "upper_ci")}
    figures = {"before": _with_limits(earlier, decimals, _), "now": _with_limits(row, decimals, _)}
    said = _(
        "The same municipalities of the region in both years: {before} in {earlier} and {now} in "
        "{year}.",
        **figures,
        **years,
    )
    verdict = {
        "higher": _("That is an increase by more than chance alone would explain."),
        "lower": _("That is a decrease by more than chance alone would explain."),
        "similar": _("The difference is small enough to be chance."),
        "not_compared": _(
            "The figures have no intervals, so nobody can say whether the difference is chance."
        ),
    }[row["change"]]
    basis = _(
        "Only the {n} municipalities with a figure shown in both years are counted, of {live} "
        "live in both, so that newcomers do not move the figure. Both sexes and all ages "
        "together, not adjusted for age or sex.",
        **counted,
    )
    return f"{said} {verdict} {basis}"


def _with_limits(row: Mapping[str, Any], decimals: int, _: Translator) -> str:
    limits = words.interval(row, decimals, _)
    value = number(row["value"], _.language, decimals)
    return f"{value} ({limits})" if limits else value


def break_text(row: Mapping[str, Any], language: str) -> str:
    """A break in a series, its date as the language writes it."""
    written = day(row["break_on"], language)
    return _ISO_DAY.sub(written, str(row[f"text_{language}"]))
