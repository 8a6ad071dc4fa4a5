"""What to look at: rules over published figures, one plain sentence each, never a cause.

Belongs here: the rules and their sentences. Does not belong here: drawing them.

Two rules, both from what is published:

* the figure lies clearly on the unfavourable side of the region's (``versus_region``: the whole
  95 % interval does), and
* the figure has changed since the year before by more than chance: the two 95 % intervals do not
  meet (stricter than a test at 5 %: Schenker and Gentleman 2001, *The American Statistician* 55).
  A change is passed over where the two years do not measure the same: one of them is covered in
  part, or the series has a break between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from dashboards import remarks, words
from dashboards.data_access import Release
from dashboards.figures import breaks, headline, row, year_frame
from dashboards.session import Context
from dashboards.text import number

_MOVED = {"rise": "higher", "fall": "lower"}


@dataclass(frozen=True)
class Point:
    """One thing to look at.

    Attributes:
        indicator: Facts and texts.
        figure: The area's row.
        kind: ``region`` (clearly on the unfavourable side of it), ``rise`` or ``fall``.
        before: The row of the year before, for a rise or a fall.
        weight: Lower comes first.
    """

    indicator: Mapping[str, Any]
    figure: Mapping[str, Any]
    kind: str
    before: Mapping[str, Any] | None
    weight: tuple[int, int, int]


def look_at(release: Release, entries: Sequence[Mapping[str, Any]]) -> list[Point]:
    """What stands out of an area's figures, gravest first.

    Outside the funnel's 99.8 % limits comes before the rest of what is unfavourable against the
    region, then unfavourable changes, then other changes; key figures first within each.

    Args:
        release: The release.
        entries: Rows of ``figures.profile`` for one area and year.
    """
    found = []
    for entry in entries:
        indicator, figure = entry["indicator"], entry["figure"]
        order = (0 if indicator["key_figure"] else 1, int(indicator["number"]))
        polarity = indicator["polarity"]
        if words.side(figure["versus_region"], polarity) == "worse":
            grave = 0 if _outside_funnel(figure) else 1
            found.append(Point(indicator, figure, "region", None, (grave, *order)))
        before = _year_before(release, indicator, figure)
        if before is not None and (kind := moved(before, figure)):
            grave = 2 if words.side(_MOVED[kind], polarity) == "worse" else 3
            found.append(Point(indicator, figure, kind, before, (grave, *order)))
    return sorted(found, key=lambda point: point.weight)


def moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """``rise`` or ``fall`` where the intervals of two figures do not meet, else empty."""
    limits = [one[side] for one in (before, now) for side in ("lower_ci", "upper_ci")]
    if None in limits:
        return ""
    was_lower, was_upper, lower, upper = limits
    if lower > was_upper:
        return "rise"
    return "fall" if upper < was_lower else ""


def direction(point: Point) -> str:
    """``higher`` or ``lower``."""
    return _MOVED.get(point.kind, str(point.figure["versus_region"]))


def side(point: Point) -> str:
    """``better`` or ``worse``; empty where neither side of the indicator is."""
    return words.side(direction(point), str(point.indicator["polarity"]))


def sign(point: Point) -> str:
    """The shape of the point's direction, and the mark of its side."""
    return words.SHAPES[direction(point)] + words.MARKS[side(point)]


def _outside_funnel(figure: Mapping[str, Any]) -> bool:
    low, high = figure["funnel_lower_998"], figure["funnel_upper_998"]
    return None not in (low, high) and not low <= figure["value"] <= high


def _year_before(
    release: Release, indicator: Mapping[str, Any], figure: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """The area's row of the year before, where the two years measure the same."""
    earlier, code = int(figure["year"]) - 1, str(figure["area_code"])
    if figure["value"] is None or earlier not in release.years or _partly(figure):
        return None
    choice = headline(release, str(indicator["indicator_id"]))
    before = row(year_frame(release, choice, earlier), code)
    if before is None or before["value"] is None or _partly(before):
        return None
    within = pl.col("break_on").is_between(
        date(earlier, 1, 1), date(earlier + 1, 12, 31), closed="right"
    )
    broken = breaks(release, code, str(indicator["coverage_service"])).filter(within)
    return before if broken.is_empty() else None


def _partly(figure: Mapping[str, Any]) -> bool:
    flagged = remarks.FLAGS[0] in (figure["quality_flags"] or "").split(",")
    return flagged or remarks.covered_part(figure) is not None


def sentence(point: Point, reader: Context) -> str:
    """The point in words, and whether it is favourable."""
    _ = reader.translate
    judged = {"better": _("That is favourable."), "worse": _("That is unfavourable."), "": ""}
    return f"{_told(point, reader)} {judged[side(point)]}".rstrip()


def _told(point: Point, reader: Context) -> str:
    _ = reader.translate
    figure, indicator = point.figure, point.indicator
    decimals = int(indicator["decimals"])

    def written(value: float) -> str:
        return number(value, reader.language, decimals)

    said = {
        "title": reader.text(indicator, "short_title"),
        "value": written(figure["value"]),
        "unit": reader.text(indicator, "unit_text"),
        "year": figure["year"],
    }
    if point.before is not None:
        earlier = {"before": written(point.before["value"]), "earlier": point.before["year"]}
        if point.kind == "rise":
            return _(
                "{title}: up from {before} in {earlier} to {value} {unit} in {year}, more than "
                "chance would explain.",
                **said,
                **earlier,
            )
        return _(
            "{title}: down from {before} in {earlier} to {value} {unit} in {year}, more than "
            "chance would explain.",
            **said,
            **earlier,
        )
    regional = written(figure["region_value"])
    if figure["versus_region"] == "higher":
        return _(
            "{title}: {value} {unit} in {year}, clearly higher than the region ({regional}).",
            **said,
            regional=regional,
        )
    return _(
        "{title}: {value} {unit} in {year}, clearly lower than the region ({regional}).",
        **said,
        regional=regional,
    )


def how_found(reader: Context) -> str:
    """What the sentences mean, and what they do not."""
    _ = reader.translate
    return _(
        "Found by rule: the whole 95% interval lies on the unfavourable side of the region's "
        "figure, or the intervals of two years do not meet. Years that are covered in part and "
        "series with a break are not compared. Among so many figures a few stand out by chance "
        "alone, and no difference tells its cause."
    )
