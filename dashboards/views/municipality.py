"""One municipality: its figures against the region, its coverage, and what to mind.

Belongs here: the municipality's page. Does not belong here: choosing or computing figures.
"""

from __future__ import annotations

from html import escape
from typing import Any

import polars as pl
import streamlit as st

from dashboards import words
from dashboards.components import folded, note, show, table
from dashboards.components.absent import gone, left_out, not_offered, unknown
from dashboards.components.barometer import barometer_row
from dashboards.components.caveats import profile_caveats
from dashboards.components.coverage import coverage
from dashboards.components.frame import NAMES
from dashboards.components.key import judged_sides, key
from dashboards.data_access import earlier_release
from dashboards.figures import profile, row
from dashboards.places import area_names, county_code, norwegian_order
from dashboards.profiles.changes import compared, facts, nothing_to_compare, revisions
from dashboards.profiles.pdf import file_name, printed
from dashboards.profiles.points import Point, how_found, look_at, sentence, side, sign
from dashboards.profiles.sheet import area_facts, by_theme, no_county
from dashboards.session import Context, choose, choose_several, context, link
from dashboards.text import Translator, translator

FIRST = 6
"""Points that stand openly; the rest is folded."""


def render() -> None:
    """Draw the page."""
    reader = context()
    _ = reader.translate
    release = reader.release
    towns = release.tables["areas"].filter(pl.col("area_level") == "municipality")
    towns = towns.sort(norwegian_order("name"))
    names = area_names(towns)
    area_code, year, peers = _choices(reader, towns, names)
    area = row(towns, area_code)
    if area is None:  # the choice is always one of the towns
        raise KeyError(f"Area {area_code!r}: not in release {release.id}.")
    _head(reader, area, year)
    county = county_code(release, area)
    entries = profile(release, area_code, year, [*([county] if county else []), *peers])
    if entries:
        _download(reader, area, year, peers)
        _look_at(reader, entries)
        _barometer(reader, area, entries, year)
        _changes(reader, area_code)
        profile_caveats(reader, area_code, year)
    else:
        gone(reader, area_code, year)
    coverage(reader, area_code)


def _choices(
    reader: Context, towns: pl.DataFrame, names: dict[str, str]
) -> tuple[str, int, list[str]]:
    """Municipality, year, and the municipalities to set beside it."""
    _ = reader.translate
    largest = towns.filter(pl.col("valid_to").is_null()).sort("population", descending=True)
    years = [str(year) for year in reader.release.years]
    first = str(largest["area_code"][0])
    unknown(reader, {"year": years})
    not_offered(reader, names, first)
    left, middle, right = st.columns([3, 4, 1.2])
    with left:
        area_code = choose(
            st.selectbox, _("Municipality"), "area", list(names), first, names.__getitem__
        )
    with right:
        year = int(choose(st.selectbox, _("Year"), "year", years, years[0], str))
    others = [code for code in names if code != area_code]
    why = _("Only municipalities can be chosen; the municipality's own county is always shown "
            "where it is published.")  # fmt: skip
    left_out(reader, others, area_code, why)
    with middle:
        peers = choose_several(
            _("Compare with"), "with", others, names.__getitem__, _("Choose municipalities")
        )
    return area_code, year, peers


def _head(reader: Context, area: dict[str, Any], year: int) -> None:
    _ = reader.translate
    line = " · ".join(map(escape, area_facts(reader, area, year)))
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


def _download(reader: Context, area: dict[str, Any], year: int, peers: list[str]) -> None:
    """The profile as a PDF, made when it is asked for."""
    _ = reader.translate
    st.download_button(
        _("The profile as PDF, four pages"),
        lambda: printed(reader, area, year, peers),
        file_name(reader, area["area_code"], year),
        "application/pdf",
        key="pdf",
        on_click="ignore",
    )


def _look_at(reader: Context, entries: list[dict[str, Any]]) -> None:
    """What stands out, a sentence each."""
    _ = reader.translate
    found = look_at(reader.release, entries)
    shown = sum(entry["figure"]["value"] is not None for entry in entries)
    count = _("{n} of {all} figures are published for the municipality in the year.",
              n=shown, all=len(entries))  # fmt: skip
    body = f"<p>{escape(count)}</p>"
    if found:
        items = [f"<li>{_pointed(point, reader)}</li>" for point in found]
        first, rest = "".join(items[:FIRST]), "".join(items[FIRST:])
        body += f'<ul class="fp-list fp-points">{first}</ul>'
        if rest:
            more = _("{n} more", n=len(items) - FIRST)
            body += folded(more, f'<ul class="fp-list fp-points">{rest}</ul>')
    else:
        body += note(_("Nothing stands out by the rules below."))
    body += f'<p class="fp-small">{escape(how_found(reader))}</p>'
    show(f'<div class="fp-look"><h2>{escape(_("What to look at"))}</h2>{body}</div>')


def _pointed(point: Point, reader: Context) -> str:
    """A point with its sign, linked to the indicator's page."""
    indicator = point.indicator
    address = link(
        "indikator",
        indicator=indicator["indicator_id"],
        area=point.figure["area_code"],
        year=point.figure["year"],
        lang=reader.language,
    )
    _ = reader.translate
    opened = escape(_("Open the indicator"))
    look = f"fp-sign fp-{side(point) or 'neither'}"
    return (
        f'<span class="{look}" aria-hidden="true">{sign(point)}</span>'
        f"{escape(sentence(point, reader))} "
        f'<a href="{escape(address, quote=True)}" target="_self">{opened}'
        f'<span class="fp-unseen">: {escape(reader.text(indicator, "short_title"))}</span></a>'
    )


def _barometer(
    reader: Context, area: dict[str, Any], entries: list[dict[str, Any]], year: int
) -> None:
    """Key figures openly; the others folded by theme."""
    _ = reader.translate
    headings = _headings(reader, area, entries[0])
    key = [entry for entry in entries if entry["indicator"]["key_figure"]]
    others = [entry for entry in entries if not entry["indicator"]["key_figure"]]
    title = _("Key figures, {year}", year=year)
    rows: list[list[str] | str] = []
    for theme, members in by_theme(key):
        rows.append(words.theme(theme, _))
        rows += [barometer_row(entry, reader) for entry in members]
    body = table(f"{area['name']}: {title}", headings, rows)
    show(
        f"<h2>{escape(title)}</h2>{_key(_, peers=bool(entries[0]['beside']))}"
        f"{_without_county(reader, area)}{_wrapped(body, entries[0])}"
    )
    if not others:
        return
    folds = []
    for theme, members in by_theme(others):
        name = words.theme(theme, _)
        lines = [barometer_row(entry, reader) for entry in members]
        inner = table(f"{area['name']}: {name}", headings, lines)
        shown = sum(entry["figure"]["value"] is not None for entry in members)
        count = _("{shown} of {all} with a figure", shown=shown, all=len(members))
        folds.append(folded(f"{name} ({count})", _wrapped(inner, entries[0]), "fp-theme"))
    show(f"<h2>{escape(_('Other figures'))}</h2>{''.join(folds)}")


def _wrapped(rows: str, entry: dict[str, Any]) -> str:
    """A table of bars, its columns narrower where municipalities are set beside."""
    kind = "fp-barometer fp-with-peers" if entry["beside"] else "fp-barometer"
    return f'<div class="{kind}">{rows}</div>'


def _headings(reader: Context, area: dict[str, Any], entry: dict[str, Any]) -> list[str]:
    _ = reader.translate
    region = entry["region"]["name"] if entry["region"] is not None else ""
    others = [_("For comparison")] if entry["beside"] else []
    return [
        _("Indicator"),
        area["name"],
        region,
        *others,
        _("Among the municipalities"),
        _("Against the region"),
    ]


def _without_county(reader: Context, area: dict[str, Any]) -> str:
    """That the county has no figure of its own, where it has none."""
    if area["county"] is None or county_code(reader.release, area) is not None:
        return ""
    said = no_county(reader, area)
    return f'<p class="fp-small">{escape(said)}</p>'


def _changes(reader: Context, area_code: str) -> None:
    """What is new since the last release."""
    _ = reader.translate
    before = earlier_release(reader.release)
    if before is None:
        body = note(nothing_to_compare(reader))
    else:
        changes = compared(reader.release, before, area_code)
        body = _items(facts(changes, reader))
        said = revisions(changes, reader)
        if said:
            summary = _("Figures that differ ({n})", n=len(said))
            body += folded(summary, _items(said))
    show(f"<h2>{escape(_('What has changed since the last release'))}</h2>{body}")


def _items(texts: list[str]) -> str:
    return f'<ul class="fp-list">{"".join(f"<li>{escape(text)}</li>" for text in texts)}</ul>'


def _key(_: Translator, *, peers: bool) -> str:
    """How to read the bars."""
    chosen = [('<i class="fp-key-peer">◇</i>', _("for comparison"))] if peers else []
    return key(
        [
            ('<i class="fp-key-dot">●</i>', _("the municipality, with 95% interval")),
            ('<i class="fp-key-ref"></i>', _("the region")),
            ('<i class="fp-key-mid"></i>', _("the middle half of the municipalities")),
            *chosen,
            *judged_sides(_),
        ]
    )


if __name__ == "__main__":
    render()
