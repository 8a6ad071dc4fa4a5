"""What the front page says of a release in words and tables, kept for the next reader.

Belongs here: the table beside the map, the cards of the region's figures, the indicator to begin
with. Does not belong here: the page itself, charts. The page is a script that is run anew for
every reader, so that nothing can be kept in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import polars as pl

from dashboards import words
from dashboards.components import folded, table
from dashboards.components.barometer import brief_cell, difference_cell, figure_cell
from dashboards.figures import Choice, profile, year_frame
from dashboards.kept import kept
from dashboards.profiles.sheet import by_theme
from dashboards.session import Context, link

SPREAD = "adoption"
"""The theme that tells where the journal is in use, and nothing of health."""


@kept(most=8)
def first_indicator(reader: Context) -> str:
    """The indicator to begin with: the one with most figures in the newest year."""
    release = reader.release
    spread = [i["indicator_id"] for i in release.indicators if i["theme"] == SPREAD]
    shown = (
        release.values.filter(
            pl.col("year") == release.years[0],
            pl.col("sex") == "total",
            pl.col("age_group") == "total",
            pl.col("value").is_not_null(),
            # Where the journal is in use is known everywhere, and says nothing of health.
            ~pl.col("indicator_id").is_in(spread),
        )
        .group_by("indicator_id")
        .agg(pl.col("area_code").n_unique().alias("areas"))
        .sort("areas", "indicator_id", descending=[True, False])
    )
    return str(shown["indicator_id"][0]) if shown.height else release.indicators[0]["indicator_id"]


@kept(most=64)
def map_table(reader: Context, choice: Choice, year: int) -> str:
    """The map's figures beside it, one row per municipality."""
    _ = reader.translate
    indicator = reader.release.indicator(choice.indicator_id)
    title = _(
        "{title} by municipality, {year}", title=reader.text(indicator, "title"), year=year
    )  # fmt: skip
    rows = [
        [
            _named(r, reader, year),
            brief_cell(r, indicator["decimals"], _),
            difference_cell(r, indicator["polarity"], _),
        ]
        for r in year_frame(reader.release, choice, year).iter_rows(named=True)
        if r["area_level"] != "county"
    ]
    headings = [_("Municipality"), reader.text(indicator, "unit_text"), _("Against the region")]
    return f'<div class="fp-tall">{table(title, headings, rows)}</div>'


def _named(area: Mapping[str, Any], reader: Context, year: int) -> str:
    """A municipality's name, as a link to its page; the region has none."""
    name: str = escape(area["official_name"])
    if area["area_level"] != "municipality":
        return name
    address = link("kommune", area=area["area_code"], year=year, lang=reader.language)
    return f'<a href="{escape(address, quote=True)}" target="_self">{name}</a>'


@kept(most=32)
def headlines(reader: Context, year: int) -> str:
    """The region's key figures openly, the others folded by theme."""
    _ = reader.translate
    entries = [
        entry
        for entry in profile(reader.release, reader.release.region_code, year)
        if entry["indicator"]["theme"] != SPREAD
    ]
    key = [entry for entry in entries if entry["indicator"]["key_figure"]]
    others = [entry for entry in entries if not entry["indicator"]["key_figure"]]
    folds = "".join(
        folded(f"{words.theme(theme, _)} ({len(members)})", _cards(members, reader), "fp-theme")
        for theme, members in by_theme(others)
    )
    title = escape(_("The region in figures, {year}", year=year))
    more = f"<h3>{escape(_('Other figures'))}</h3>{folds}" if folds else ""
    return f"<h2>{title}</h2>{_cards(key, reader)}{more}"


def _cards(entries: Sequence[Mapping[str, Any]], reader: Context) -> str:
    """The region's figure of each indicator, linked to its page."""
    cards = []
    for entry in entries:
        indicator = entry["indicator"]
        address = link(
            "indikator",
            indicator=indicator["indicator_id"],
            area=reader.release.region_code,
            year=entry["figure"]["year"],
            lang=reader.language,
        )
        shown = figure_cell(entry["figure"], indicator["decimals"], reader.translate)
        cards.append(
            f'<li><a href="{escape(address, quote=True)}" target="_self">'
            f"{escape(reader.text(indicator, 'short_title'))}</a>"
            f'<p class="fp-card-figure">{shown}</p>'
            f"<small>{escape(reader.text(indicator, 'unit_text'))}</small></li>"
        )
    return f'<ul class="fp-cards">{"".join(cards)}</ul>'


@kept(most=32)
def spread(reader: Context, year: int) -> str:
    """Figures of where the journal is in use; empty where none is published."""
    release = reader.release
    entries = [
        entry
        for entry in profile(release, release.region_code, year)
        if entry["indicator"]["theme"] == SPREAD
    ]
    return _cards(entries, reader) if entries else ""
