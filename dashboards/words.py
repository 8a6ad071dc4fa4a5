"""What the codes of the published tables are called, and how figures are written out.

Belongs here: words for statuses, reasons, kinds, sexes, ages, flags, and a figure with its
interval. Does not belong here: HTML, charts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboards.text import Translator, number

# Signs for cells without a figure follow Statistics Norway's standard symbols:
# ":" hidden, ".." missing, "." cannot occur. Our own are "○" for what is not covered, "~"
# for what is too uncertain to show, and "Σ" for what is shown together with others: a plus would
# begin a formula where a table is pasted into a spreadsheet.
SYMBOLS = {
    "suppressed": ":",
    "not_covered": "○",
    "missing": "..",
    "not_applicable": ".",
    "unreliable": "~",
    "merged": "Σ",
}
MARKS = {"better": "✓", "worse": "!", "": ""}
"""Beside a shape that tells a direction: whether that is the better or the worse side."""
OPEN_AGE = 199
"""In the published tables a highest age that is none."""
SHAPES = {"higher": "▲", "lower": "▼", "similar": "●", "not_compared": "–"}


def status(code: str, _: Translator) -> str:
    """A status in few words."""
    return {
        "ok": _("Figure"),
        "suppressed": _("Hidden for privacy"),
        "not_covered": _("Not covered"),
        "missing": _("Data missing"),
        "not_applicable": _("Not applicable"),
        "unreliable": _("Uncertain figure"),
        "merged": _("Shown together"),
        "by_year_only": _("Published by year only"),
    }[code]


def status_explained(code: str, _: Translator) -> str:
    """A status in a sentence."""
    return {
        "ok": _("The figure is published."),
        "suppressed": _(
            "Hidden for privacy: few persons, or the figure would reveal another hidden one."
        ),
        "not_covered": _(
            "Not covered: the municipality or the service does not use Helseplattformen."
        ),
        "missing": _("Data missing: should have been there, but has not been received."),
        "not_applicable": _("Not applicable: the figure makes no sense for this group."),
        "unreliable": _(
            "Uncertain figure: too few events to standardise. The crude figure may be shown."
        ),
        "merged": _("Shown together with other areas, because the area alone is too small."),
        "by_year_only": _("Counties are published by year only, not by month or quarter."),
    }[code]


def reason(code: str | None, _: Translator) -> str:
    """Why a row has the status it has; empty where the status says it all."""
    if code is None:
        return ""
    return {
        "disclosure": _("few persons, or it would reveal another figure"),
        "municipality_not_live": _("the municipality is not live on Helseplattformen"),
        "service_not_covered": _("the service is not covered in the period"),
        "no_data": _("nothing to count, or no data received"),
        "year_not_computed": _("cannot be computed for this year"),
        "years_not_covered": _("not every year of the period is covered"),
        "too_few_events": _("fewer than ten events, too few to standardise"),
        "not_defined_for_group": _("not defined for this group"),
        "exceeds_register": _("more persons counted than the register has inhabitants"),
        "age_groups_merged": _("the area is too small for these age groups"),
        "no_municipality": _("no municipality of its own at the end of the year"),
        "few_of_county": _("too few of the county's inhabitants live where it can be counted"),
    }.get(code, "")


def level(code: str, _: Translator) -> str:
    """What kind of area an area is."""
    return {
        "municipality": _("Municipality"),
        "group": _("Group of municipalities"),
        "county": _("County"),
        "region": _("Region"),
    }[code]


def part(code: str, _: Translator) -> str:
    """What periods of a length are called, above their column."""
    return {"year": _("Year"), "month": _("Month"), "quarter": _("Quarter")}[code]


def lines(code: str, title: str, _: Translator) -> str:
    """What a chart of periods of a length shows, in words."""
    return {
        "year": _("Line chart of {title} by year.", title=title),
        "month": _("Line chart of {title} by month.", title=title),
        "quarter": _("Line chart of {title} by quarter.", title=title),
    }[code]


def versus(code: str, _: Translator) -> str:
    """A comparison with the region, as a label."""
    return {
        "higher": _("Higher than the region"),
        "lower": _("Lower than the region"),
        "similar": _("About as the region"),
        "not_compared": _("Not compared"),
    }[code]


def side(direction: str, polarity: str) -> str:
    """``better`` or ``worse`` for ``higher`` or ``lower``; empty where neither is."""
    if direction not in ("higher", "lower") or polarity == "neutral":
        return ""
    good = "lower" if polarity == "lower_is_better" else "higher"
    return "better" if direction == good else "worse"


def sided(code: str, _: Translator) -> str:
    """A side in one word; empty for none."""
    return {"better": _("favourable"), "worse": _("unfavourable"), "": ""}[code]


def polarity(code: str, _: Translator) -> str:
    """Which direction is good."""
    return {
        "lower_is_better": _("Lower is better"),
        "higher_is_better": _("Higher is better"),
        "neutral": _("Neither high nor low is better in itself"),
    }[code]


def kind(code: str, _: Translator) -> str:
    """A way to compute a figure: in plain words, the usual term behind."""
    return {
        "crude": _("Unadjusted (crude)"),
        "direct_esp2013": _("With age and sex as in Europe 2013 (directly standardised)"),
        "direct_region": _("With age and sex as in the region (directly standardised)"),
        "indirect": _("Adjusted for age and sex (indirectly standardised)"),
        "median": _("The middle person (median)"),
    }[code]


def kind_explained(code: str, _: Translator) -> str:
    """What a way to compute a figure does."""
    return {
        "crude": _("As observed. Age and sex are not taken into account."),
        "direct_esp2013": _("What the figure would be if the area had the age and sex of the "
                            "European Standard Population 2013."),
        "direct_region": _("What the figure would be if the area had the region's age and sex. "
                           "Differences are then not due to an older or younger population."),
        "indirect": _("Differences in age and sex are taken out: what was observed is held against "
                      "what would be expected if every age and sex were at the region's level. It "
                      "can be compared with the region's figure."),
        "median": _("What the middle person has: as many have more as have less. Rounded, and "
                    "shown where at least ten persons have at most and ten at least as much."),
    }[code]  # fmt: skip


def sex(code: str, _: Translator) -> str:
    """A sex, or both."""
    return {"total": _("Both sexes"), "female": _("Women"), "male": _("Men")}[code]


def age(code: str, indicator: Mapping[str, Any], _: Translator) -> str:
    """An age group in years."""
    if code != "total":
        return _("{ages} years", ages=code.replace("-", "–"))
    least, most = int(indicator["age_min"]), indicator["age_max"]
    if most is None or most >= OPEN_AGE:
        return _("{age} years and over", age=least) if least else _("All ages")
    return _("Age {age}", age=least) if least == most else _("{ages} years", ages=f"{least}–{most}")


def apart(figures: Mapping[str, Any], indicator: Mapping[str, Any], _: Translator) -> str:
    """For whom and how figures are computed, where an indicator does not show them first.

    Args:
        figures: A row, or what is chosen: ``value_kind``, ``sex`` and ``age_group``.
        indicator: Its facts.
        _: The reader's messages.

    Returns:
        As ``women, 80+ years, crude``; empty for what the indicator shows first.
    """
    said = [
        "" if figures["sex"] == "total" else sex(figures["sex"], _),
        "" if figures["age_group"] == "total" else age(figures["age_group"], indicator, _),
        ""
        if figures["value_kind"] == indicator["headline_kind"]
        else kind(figures["value_kind"], _),
    ]
    return ", ".join(f"{one[0].lower()}{one[1:]}" for one in said if one)


def titled(
    title: str, figures: Mapping[str, Any], indicator: Mapping[str, Any], _: Translator
) -> str:
    """A title with what ``apart`` says of its figures."""
    said = apart(figures, indicator, _)
    return f"{title}, {said}" if said else title


def flag(code: str, _: Translator) -> str:
    """A quality flag; an unknown one is shown as it stands."""
    return {
        "partial_coverage": _("partly covered period"),
        "coarse_age": _("coarse age adjustment"),
        "small_numerator": _("few events"),
    }.get(code, code.replace("_", " "))


def flags(codes: str | None, _: Translator) -> str:
    """Quality flags as words, with commas between."""
    return ", ".join(flag(code, _) for code in (codes or "").split(",") if code)


THEMES = (
    "hospital_use",
    "collaboration",
    "municipal_care",
    "care_quality",
    "chronic_disease",
    "primary_care",
    "prevention",
    "digital",
    "adoption",
)
"""Themes in the order in which pages show them."""


def theme(code: str, _: Translator) -> str:
    """A theme that indicators are grouped by."""
    return {
        "hospital_use": _("Hospital use"),
        "collaboration": _("Collaboration of hospital and municipality"),
        "municipal_care": _("Municipal care"),
        "care_quality": _("Quality of care"),
        "chronic_disease": _("Chronic disease"),
        "primary_care": _("Primary care and medicines"),
        "prevention": _("Prevention"),
        "digital": _("Digital services"),
        "adoption": _("Spread of Helseplattformen"),
    }[code]


def heading(code: str, _: Translator) -> str:
    """A heading of the statutory overview (regulation 2012-06-28-692 § 3)."""
    return {
        "population": _("Population"),
        "living_conditions": _("Upbringing and living conditions"),
        "environment": _("Environment"),
        "injuries": _("Injuries"),
        "health_behaviour": _("Health-related behaviour"),
        "health_status": _("Health status"),
    }[code]


def plan(passed: bool, _: Translator) -> str:
    """The state of a go-live that is planned, by whether its day has passed."""
    if passed:
        return _("Planned date has passed, not confirmed")
    return _("Planned, not confirmed")


def certainty(code: str | None, _: Translator) -> str:
    """How sure a go-live date is."""
    return {
        "confirmed": _("confirmed"),
        "month_confirmed": _("month confirmed"),
        "inherited": _("inherited from the former municipality"),
        "assumed": _("assumed"),
        "planned": _("planned"),
    }.get(code or "", _("not known"))


def figure(row: Mapping[str, Any], decimals: int, _: Translator) -> str:
    """A figure as text, or the words of its status.

    Where an area is shown together with others, these and the figure of all of them.
    """
    if row["value"] is None and row.get("group_value") is not None:
        group = {name: row[f"group_{name}"] for name in ("value", "lower_ci", "upper_ci")}
        limits = interval(group, decimals, _)
        told = number(group["value"], _.language, decimals) + (f" ({limits})" if limits else "")
        return _("Shown together with {areas}: {figure}", areas=row["shown_with"], figure=told)
    if row["value"] is None:
        return status(row["value_status"], _)
    return number(row["value"], _.language, decimals)


def interval(row: Mapping[str, Any], decimals: int, _: Translator) -> str:
    """A 95 % interval as ``12,3–15,6``, or nothing."""
    if row["lower_ci"] is None or row["upper_ci"] is None:
        return ""
    low, high = (number(row[limit], _.language, decimals) for limit in ("lower_ci", "upper_ci"))
    return f"{low}–{high}"
