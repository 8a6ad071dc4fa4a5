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
from dashboards.components import definition_list, note, show, table
from dashboards.components.barometer import barometer_row
from dashboards.components.frame import NAMES
from dashboards.figures import applicable, norwegian_order, profile, row
from dashboards.session import Context, choose, context, link
from dashboards.text import Translator, day, number, translator


def render() -> None:
    """Draw the page."""
    reader = context()
    _ = reader.translate
    release = reader.release
    towns = release.tables["areas"].filter(pl.col("area_level") == "municipality")
    towns = towns.sort(norwegian_order("name"))
    names = {r["area_code"]: r["official_name"] for r in towns.iter_rows(named=True)}
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
        _caveats(reader, area_code, year)
    else:
        show(note(_("{area} did not exist as a municipality at the end of {year}.",
                    area=area["name"], year=year)))  # fmt: skip
    _coverage(reader, area)


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
        facts.append(_("on Helseplattformen since {day}", day=when))
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
    ordered = sorted(entries, key=lambda e: _THEMES.index(e["indicator"]["theme"]))
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


_THEMES = ("hospital_use", "municipal_care", "chronic_disease", "digital", "adoption")


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


def _caveats(reader: Context, area_code: str, year: int) -> None:
    """What to mind: the area's own caveats openly, those of every area folded away."""
    _ = reader.translate
    own: list[str] = []
    common: list[str] = []
    for indicator in reader.release.indicators:
        title = escape(reader.text(indicator, "short_title"))
        found = applicable(reader.release, indicator["indicator_id"], area_code, year)
        for caveat in found.iter_rows(named=True):
            item = f"<li><b>{title}:</b> {escape(reader.text(caveat, 'text'))}</li>"
            (common if caveat["area_code"] == "*" else own).append(item)
    local = escape(_("Figures must be read together with local knowledge."))
    body = f'<p class="fp-note">{local}</p>'
    if own:
        body += f'<ul class="fp-list">{"".join(own)}</ul>'
    if common:
        count = number(len(common), reader.language)
        summary = escape(_("Caveats that hold for all municipalities ({n})", n=count))
        body += (
            f'<details class="fp-reading"><summary>{summary}</summary>'
            f'<ul class="fp-list">{"".join(common)}</ul></details>'
        )
    show(f"<h2>{escape(_('Mind this'))}</h2>{body}")


def _coverage(reader: Context, area: dict[str, Any]) -> None:
    """Which services of the municipality the figures can see, and from when."""
    _ = reader.translate
    services = {
        "hospital": _("Hospital"),
        "municipal_care": _("Municipal health and care"),
        "gp": _("General practitioners"),
        "portal": _("HelsaMi"),
        "documentation": _("Documentation"),
    }
    spells = reader.release.tables["coverage"].filter(pl.col("area_code") == area["area_code"])
    show(f"<h2>{escape(_('Coverage'))}</h2>")
    if spells.is_empty():
        show(note(_("No service of the municipality is covered yet.")))
        return
    pairs = [
        (
            services.get(spell["service"], spell["service"]),
            _(
                "{share} % covered from {day} ({certainty})",
                share=number(100 * spell["share"], reader.language),
                day=day(spell["valid_from"], reader.language),
                certainty=words.certainty(spell["certainty"], _),
            ),
        )
        for spell in spells.sort("service", "valid_from").iter_rows(named=True)
    ]
    show(definition_list(pairs))


if __name__ == "__main__":
    render()
