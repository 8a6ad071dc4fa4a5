"""One municipality: its figures against the region, its coverage, and what to mind.

Belongs here: the municipality's page. Does not belong here: choosing or computing figures.
"""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import Any

import polars as pl
import streamlit as st

from dashboards import words
from dashboards.components import note, show, table
from dashboards.components.barometer import barometer_row
from dashboards.components.caveats import profile_caveats
from dashboards.components.coverage import coverage
from dashboards.components.frame import NAMES
from dashboards.figures import area_names, norwegian_order, profile, row
from dashboards.session import Context, choose, context, link
from dashboards.text import Translator, day, number, translator


def render() -> None:
    """Draw the page."""
    reader = context()
    _ = reader.translate
    release = reader.release
    towns = release.tables["areas"].filter(pl.col("area_level") == "municipality")
    towns = towns.sort(norwegian_order("name"))
    names = area_names(towns)
    largest = towns.filter(pl.col("valid_to").is_null()).sort("population", descending=True)
    years = [str(year) for year in release.years]
    left, right = st.columns([3, 1])
    with left:
        first = str(largest["area_code"][0])
        area_code = choose(
            st.selectbox, _("Municipality"), "area", list(names), first, names.__getitem__
        )
    with right:
        year = int(choose(st.selectbox, _("Year"), "year", years, years[0], str))
    area = row(towns, area_code)
    if area is None:  # the choice is always one of the towns
        raise KeyError(f"Area {area_code!r}: not in release {release.id}.")
    _head(reader, area, year)
    entries = profile(release, area_code, year)
    if entries:
        _barometer(reader, area, entries, year)
        profile_caveats(reader, area_code, year)
    else:
        show(note(_("{area} did not exist as a municipality at the end of {year}.",
                    area=names[area_code], year=year)))  # fmt: skip
    coverage(reader, area_code)


def _head(reader: Context, area: dict[str, Any], year: int) -> None:
    _ = reader.translate
    facts = [area["county"] or ""]
    if area["population"] is not None:
        facts.append(_("{n} inhabitants", n=number(area["population"], reader.language)))
    if area["go_live_on"] is None:
        facts.append(_("no date set for Helseplattformen"))
    elif area["go_live_certainty"] == "planned":
        when = day(area["go_live_on"], reader.language)
        facts.append(_("Helseplattformen planned from {day}", day=when))
    else:
        when = day(area["go_live_on"], reader.language)
        assumed = area["go_live_certainty"] == "assumed"
        since = _("on Helseplattformen since {day}", day=when)
        facts.append(f"{since} ({_('assumed date')})" if assumed else since)
    line = " · ".join(escape(fact) for fact in facts if fact)
    offer = ""
    if area["language"] != reader.language and reader.language != "en":
        own = area["language"]
        text = translator(own, "planner")(
            "Read this page in {language}", language=NAMES[own].lower()
        )
        address = link("kommune", area=area["area_code"], year=year, lang=own)
        offer = (
            f' · <a href="{escape(address, quote=True)}" target="_self" lang="{own}" '
            f'hreflang="{own}">{escape(text)}</a>'
        )
    show(f'<h1>{escape(area["official_name"])}</h1><p class="fp-facts">{line}{offer}</p>')


def _barometer(
    reader: Context, area: dict[str, Any], entries: list[dict[str, Any]], year: int
) -> None:
    _ = reader.translate
    region = entries[0]["region"]
    region_name = region["name"] if region is not None else ""
    headings = [
        _("Indicator"),
        f"{area['name']}",
        region_name,
        _("Among the municipalities"),
        _("Against the region"),
    ]
    ordered = sorted(entries, key=lambda e: words.THEMES.index(e["indicator"]["theme"]))
    rows: list[list[str] | str] = []
    for theme, members in groupby(ordered, key=lambda e: str(e["indicator"]["theme"])):
        rows.append(words.theme(theme, _))
        rows += [barometer_row(entry, reader) for entry in members]
    title = _("Key figures, {year}", year=year)
    caption = f"{area['name']}: {title}"
    show(
        f"<h2>{escape(title)}</h2>{_key(_)}"
        f'<div class="fp-barometer">{table(caption, headings, rows)}</div>'
    )


def _key(_: Translator) -> str:
    """How to read the bars."""
    parts = [
        ('<i class="fp-key-dot">●</i>', _("the municipality, with 95% interval")),
        ('<i class="fp-key-ref"></i>', _("the region")),
        ('<i class="fp-key-mid"></i>', _("the middle half of the municipalities")),
        ('<i class="fp-key-better">▲▼</i>', _("better than the region")),
        ('<i class="fp-key-worse">▲▼</i>', _("worse than the region")),
    ]
    items = "".join(f"<li>{mark} {escape(text)}</li>" for mark, text in parts)
    return f'<ul class="fp-barkey">{items}</ul>'


if __name__ == "__main__":
    render()
