"""Hospital and municipality between them: who waits for whom, and whether the messages come.

Belongs here: the page on collaboration. Does not belong here: choosing or computing figures. What
would happen with more places is a question for projections.
"""

from __future__ import annotations

from datetime import date
from functools import partial
from html import escape
from typing import Any, Final

import polars as pl
import streamlit as st

from dashboards import downloads, remarks
from dashboards.charts import recent
from dashboards.components import chart, note, show, subheading, table
from dashboards.components.absent import gone, not_offered, unknown
from dashboards.components.barometer import difference_cell, figure_cell
from dashboards.components.exports import take_home
from dashboards.figures import headline, row, year_frame
from dashboards.places import names_to_choose
from dashboards.session import Context, choose, context, link
from dashboards.text import Translator, month

WAITING: Final = (
    "ready_for_discharge_days_per_1000",
    "ready_for_discharge_same_day_share",
    "ready_for_discharge_cost_per_inhabitant",
    "ready_for_discharge_share_of_bed_days",
)
CHAIN: Final = (
    "early_notice_by_next_day_share",
    "admission_report_by_next_day_share",
    "query_reply_within_one_working_day_share",
    "discharge_report_same_day_share",
    "messages_rejected_share",
)
"""In the order in which the messages of a stay are sent; those rejected are of all of them."""


def render() -> None:
    """Draw the page."""
    reader = context()
    _ = reader.translate
    show(f"<h1>{escape(_('Collaboration'))}</h1>")
    area, year = _choices(reader)
    if gone(reader, area, year):
        return
    _peers(reader, area, year)
    there = {one["indicator_id"] for one in reader.release.indicators}
    waiting, chain = ([one for one in ids if one in there] for ids in (WAITING, CHAIN))
    if waiting:
        show(subheading(_("Patients ready for discharge")))
        by_month = [one for one in waiting if _has_months(reader, one, year)]
        if by_month:
            _months(reader, "figure", _("Patients ready for discharge"), by_month, area, year)
        else:
            show(note(_("There are no figures by month of {year}.", year=year)))
        _table(reader, waiting, area, year, _("Patients ready for discharge, {year}", year=year))
    if chain:
        show(subheading(_("The chain of messages")))
        by_month = [one for one in chain if _has_months(reader, one, year)]
        if by_month:
            _months(reader, "message", _("The chain of messages"), by_month, area, year)
        else:
            show(note(_("There are no figures by month of {year}.", year=year)))
        _table(reader, chain, area, year, _("The chain of messages, {year}", year=year))
    if waiting or chain:
        _download(reader, [*waiting, *chain], area, year)


def _download(reader: Context, ids: list[str], area: str, year: int) -> None:
    """The figures of area and region, and the charts of months that stand open."""
    _ = reader.translate
    release, language = reader.release, reader.language
    charts = {}
    for asked in map(st.query_params.get, ("figure", "message")):
        if asked in ids and recent.recent(release, asked, area, year, language) is not None:
            title = reader.text(release.indicator(asked), "short_title")
            charts[asked] = (title, partial(recent.recent, release, asked, area, year, language))
    areas = list(dict.fromkeys([area, release.region_code]))
    table_of = partial(downloads.selection, release, ids, areas, language)
    take_home(reader, f"collaboration_{area}", _("Collaboration"), table_of, charts, ids)


def _choices(reader: Context) -> tuple[str, int]:
    _ = reader.translate
    release = reader.release
    years = [str(year) for year in release.years]
    names = names_to_choose(release)
    unknown(reader, {"year": years})
    not_offered(reader, names, release.region_code)
    first, second = st.columns([4, 1.4])
    with first:
        area = choose(
            st.selectbox, _("Area"), "area", list(names), release.region_code, names.__getitem__
        )
    with second:
        year = int(choose(st.selectbox, _("Year"), "year", years, years[0], str))
    return area, year


def _peers(reader: Context, area: str, year: int) -> None:
    """Which municipalities of a year an area is compared with."""
    _ = reader.translate
    groups = reader.release.tables["area_groups"].filter(pl.col("group_kind") == "size")
    own = groups.filter(pl.col("area_code") == area)
    if own.is_empty():
        return
    one = own.row(0, named=True)
    alike = groups.filter(pl.col("group_id") == one["group_id"])
    members = still_there(alike, reader.release.tables["areas"], year).height
    text = _(
        "Comparable municipalities are those of like size ({group}, {n} in all, this one too). "
        "Their median is the middle one of the figures that are shown, where at least three and "
        "most of them are.",
        group=reader.text(one, "label"),
        n=members,
    )
    show(f"<p class='fp-small'>{escape(text)}</p>")


def still_there(codes: pl.DataFrame, areas: pl.DataFrame, year: int) -> pl.DataFrame:
    """Of rows by area_code those of areas that there were at the end of a year.

    A municipality that changed its code is in a group under both, and one of them at a time.

    Args:
        codes: Rows with area_code.
        areas: The published table.
        year: Calendar year.
    """
    last_day = date(year, 12, 31)
    there = areas.filter(
        pl.col("valid_from").fill_null(last_day) <= last_day,
        pl.col("valid_to").fill_null(last_day) >= last_day,
    )
    return codes.join(there, on="area_code", how="semi")


def _has_months(reader: Context, indicator_id: str, year: int) -> bool:
    region = reader.release.region_code
    return not recent.recent_months(reader.release, indicator_id, region, year).is_empty()


def _months(
    reader: Context, parameter: str, label: str, ids: list[str], area: str, year: int
) -> None:
    """The year's months of one of some indicators; the address keeps which."""
    _ = reader.translate
    release, language = reader.release, reader.language
    titles = {one: reader.text(release.indicator(one), "short_title") for one in ids}
    asked = choose(
        st.segmented_control, label, parameter, ids, ids[0], titles.__getitem__,
        label_visibility="collapsed",
    )  # fmt: skip
    months = recent.recent_months(release, asked, area, year)
    spec = recent.recent(release, asked, area, year, language)
    if spec is None:
        show(note(_no_month(months, _)))
    else:
        said = recent.described(release, asked, area, year, language)
        chart(spec, said)
        told = [remarks.hidden_parts(months["value_status"].to_list(), "month", _)]
        if area != release.region_code and months["peer_median"].null_count() == months.height:
            told.append(
                _(
                    "The median of comparable municipalities is not drawn: in no month can "
                    "enough of them be shown."
                )
            )
        for text in filter(None, told):
            show(f"<p>{escape(text)}</p>")
    with st.expander(_("The months as a table")):
        _months_table(reader, asked, months, area)


def _no_month(months: pl.DataFrame, _: Translator) -> str:
    """That an area has a figure of no month, and every reason why."""
    reasons = dict.fromkeys(remarks.explanation(one, _) for one in months.iter_rows(named=True))
    return _(
        "{area} has no figure in any of the months. {reasons}",
        area=months["name"][0],
        reasons=" ".join(f"{reason.rstrip('.')}." for reason in reasons),
    )


def _months_table(reader: Context, indicator_id: str, rows: pl.DataFrame, area: str) -> None:
    """Figures of the months, one line each; the newest first."""
    _ = reader.translate
    indicator = reader.release.indicator(indicator_id)
    beside = _beside(reader, area)
    lines = []
    for one in rows.sort("period_start", descending=True).iter_rows(named=True):
        cells = [month(one["period_start"], reader.language)]
        cells.append(figure_cell(one, indicator["decimals"], _))
        if beside:
            cells.append(figure_cell(one["region"], indicator["decimals"], _))
            cells.append(_peers_cell(reader, one, indicator))
        lines.append(cells)
    headings = [_("Month"), reader.text(indicator, "unit_text"), *beside]
    show(table(reader.text(indicator, "title"), headings, lines, numeric=(1, 2, 3)))


def _table(reader: Context, ids: list[str], area: str, year: int, caption: str) -> None:
    """Figures of a year, one line each: the area, the region, the middle of comparable ones."""
    _ = reader.translate
    release = reader.release
    beside = _beside(reader, area)
    lines = []
    for name in ids:
        indicator = release.indicator(name)
        frame = year_frame(release, headline(release, name), year)
        own, region = row(frame, area), row(frame, release.region_code)
        if own is None or region is None:
            continue
        cells = [_linked(reader, indicator, area, year)]
        cells.append(figure_cell(own, indicator["decimals"], _))
        if beside:
            cells.append(figure_cell(region, indicator["decimals"], _))
            cells.append(_peers_cell(reader, own, indicator))
            cells.append(difference_cell(own, indicator["polarity"], _))
        lines.append(cells)
    headings = [_("Indicator"), _("Figure"), *beside]
    if beside:
        headings.append(_("Against the region"))
    show(table(caption, headings, lines, numeric=(1, 2, 3)))


def _beside(reader: Context, area: str) -> list[str]:
    """What the columns beside an area's own figure are called; the region has none beside it."""
    _ = reader.translate
    if area == reader.release.region_code:
        return []
    return [_("The region"), _("Comparable municipalities (median)")]


def _linked(reader: Context, indicator: dict[str, Any], area: str, year: int) -> str:
    """An indicator's name as a link to its page, with its unit."""
    address = link(
        "indikator",
        indicator=indicator["indicator_id"],
        area=area,
        year=year,
        lang=reader.language,
    )
    return (
        f'<a href="{escape(address, quote=True)}" target="_self">'
        f"{escape(reader.text(indicator, 'short_title'))}</a> "
        f"<small>{escape(reader.text(indicator, 'unit_text'))}</small>"
    )


def _peers_cell(reader: Context, figures: dict[str, Any], indicator: dict[str, Any]) -> str:
    """The middle of comparable ones, or why there is none."""
    said = escape(remarks.middle_of_peers(figures, indicator["decimals"], reader.translate))
    return said if figures["peer_median"] is not None else f'<span class="fp-none">{said}</span>'


if __name__ == "__main__":
    render()
