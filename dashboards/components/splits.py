"""An indicator by service, device and the like: its parts, the area beside the region.

Belongs here: the view of splits on the indicator's page. Does not belong here: choosing figures
(``dashboards.splits``), drawing (``dashboards.charts.splits``).
"""

from __future__ import annotations

from functools import partial
from html import escape

import polars as pl
import streamlit as st

from dashboards import downloads
from dashboards.charts.splits import described, split_chart
from dashboards.components import chart, note, show, subheading, table
from dashboards.components.barometer import figure_cell
from dashboards.components.exports import take_home
from dashboards.components.figure_tables import count_cell
from dashboards.components.legend import intervals_explained, which_is_which
from dashboards.figures import Choice
from dashboards.session import Context, choose
from dashboards.splits import by_value, splits_of


def split_section(reader: Context, choice: Choice, area_code: str, year: int) -> None:
    """The view: which split, a chart, how to read it, a table of the same figures, and files.

    Args:
        reader: The reader.
        choice: The indicator, and how the figure at the top of the page is computed.
        area_code: The area.
        year: The year.
    """
    _ = reader.translate
    indicator_id = choice.indicator_id
    release, language = reader.release, reader.language
    splits = splits_of(release, indicator_id)
    titles = {code: words[f"title_{language}"] for code, words in splits.items()}
    breakdown = next(iter(splits))
    if len(splits) > 1:
        breakdown = choose(
            st.segmented_control, _("Divided by"), "split", list(splits), breakdown,
            titles.__getitem__, label_visibility="collapsed",
        )  # fmt: skip
    by = splits[breakdown][f"by_{language}"]
    title = f"{reader.text(release.indicator(indicator_id), 'title')} {by}"
    show(subheading(title))
    which = which_is_which(reader, choice, area_code, year)
    if which:
        show(f"<p>{escape(which)}</p>")
    place = (release, indicator_id, breakdown, area_code, year, language)
    spec = split_chart(*place)
    if spec is None:
        show(note(_("No part has a figure for this choice. The table tells why.")))
    else:
        chart(spec, described(*place))
    show(f"<p class='fp-small'>{escape(_how_to_read(reader, area_code))}</p>")
    _table(reader, indicator_id, breakdown, area_code, year, title)
    areas = list(dict.fromkeys([area_code, release.region_code]))
    take_home(
        reader,
        f"{indicator_id}_{breakdown}_{area_code}",
        title,
        partial(downloads.of_split, release, indicator_id, breakdown, areas, language),
        {} if spec is None else {breakdown: (titles[breakdown], partial(split_chart, *place))},
        [indicator_id],
    )


def _how_to_read(reader: Context, area_code: str) -> str:
    _ = reader.translate
    said = [
        intervals_explained(reader, area_code),
        _("Crude figures of all together. Parts add up to the year: where the year is hidden, so "
          "are they, and a part may be hidden because it would tell another."),
    ]  # fmt: skip
    return " ".join(said)


def _table(
    reader: Context, indicator_id: str, breakdown: str, area_code: str, year: int, title: str
) -> None:
    """Every part: the figure of the area and of the region, or why there is none."""
    _ = reader.translate
    release = reader.release
    indicator = release.indicator(indicator_id)
    frame = by_value(release, indicator_id, breakdown, area_code, year)
    own = frame.filter(pl.col("area_code") == area_code).to_dicts()
    region = frame.filter(pl.col("area_code") == release.region_code).to_dicts()
    if not own:
        return
    is_region = area_code == release.region_code
    rows = [
        [
            escape(figure[f"value_name_{reader.language}"]),
            figure_cell(figure, indicator["decimals"], _),
            count_cell(figure, "numerator", _),
            count_cell(figure, "denominator", _),
            *([] if is_region else [figure_cell(regional, indicator["decimals"], _)]),
        ]
        for figure, regional in zip(own, region, strict=True)
    ]
    headings = [_("Part"), own[0]["name"], _("Numerator"), _("Denominator")]
    if not is_region:
        headings.append(region[0]["name"])
    caption = _("{title} in {area}, {year}", title=title, area=own[0]["official_name"], year=year)
    unit = reader.text(indicator, "unit_text")
    show(table(f"{caption} ({unit})", headings, rows, numeric=(1, 2, 3, 4)))
