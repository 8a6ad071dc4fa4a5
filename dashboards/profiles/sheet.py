"""The printed profile as data: every text and number of its four pages, ready to be set.

Belongs here: which published figures and sentences stand on which page, in the reader's words.
Does not belong here: how they look (``profile.typ``) and making the file (``pdf.py``). A figure
that is not shown is told by the words of its status, never by a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from dashboards import remarks, words
from dashboards.charts.theme import judged, on_paper
from dashboards.components.barometer import reading
from dashboards.components.caveats import by_text
from dashboards.components.coverage import headings as coverage_headings
from dashboards.components.coverage import spells
from dashboards.components.frame import synthetic_label
from dashboards.data_access import earlier_release
from dashboards.figures import NO_FIGURE, profile
from dashboards.places import county_code, inhabitants
from dashboards.profiles.bars import Bar, laid_out
from dashboards.profiles.changes import compared, facts, nothing_to_compare, revisions
from dashboards.profiles.points import Point, direction, how_found, look_at, sentence
from dashboards.session import Context
from dashboards.text import day, number

POINTS = 7
REVISIONS = 6
BESIDE = 3
OWN_CAVEATS = 6
COMMON_CAVEATS = 14
"""How many of each fit their page; how many more there are is told."""

Json = dict[str, Any]
Entry = Mapping[str, Any]


class ProfileError(ValueError):
    """A profile that cannot be made, and what to ask for instead."""


@dataclass(frozen=True)
class _Asked:
    """What a profile is made of."""

    reader: Context
    area: Mapping[str, Any]
    year: int
    entries: Sequence[Entry]
    beside: tuple[str, ...]
    left_out: bool


def sheet(reader: Context, area: Mapping[str, Any], year: int, peers: Sequence[str] = ()) -> Json:
    """Everything that the profile says.

    Args:
        reader: The release, in a language.
        area: The municipality's row of ``areas``.
        year: The year.
        peers: Municipalities to set beside it.

    Returns:
        What ``profile.typ`` reads, all of it text, numbers and lists.

    Raises:
        ProfileError: The municipality did not exist at the end of the year.
    """
    _ = reader.translate
    county = county_code(reader.release, area)
    wished = [*([county] if county else []), *peers]
    beside = wished[:BESIDE]
    entries = profile(reader.release, str(area["area_code"]), year, beside)
    if not entries:
        raise ProfileError(
            f"Profile of {area['area_code']}: expected a municipality that existed at the end of "
            f"{year}, got none. Choose another year."
        )
    asked = _Asked(reader, area, year, entries, tuple(beside), len(wished) > BESIDE)
    return {
        **_document(asked),
        "look": _look(asked),
        "changes": _changes(asked),
        "barometer": _barometer(asked),
        "others": _others(asked),
        "coverage": _coverage(asked),
        "beside": _beside(asked),
        "caveats": _caveats(asked),
        "about": _about(asked),
    }


def _document(asked: _Asked) -> Json:
    reader, area, year = asked.reader, asked.area, asked.year
    _ = reader.translate
    release = reader.release
    title = _("Health profile {year}: {area}", year=year, area=area["official_name"])
    made = release.facts["data_to"]
    return {
        "language": reader.language,
        "title": title,
        "kind": _("Health profile {year}", year=year),
        "name": area["official_name"],
        "facts": " · ".join(area_facts(reader, area, year)),
        "date": [made.year, made.month, made.day],
        "release": release.id,
        "synthetic": synthetic_label(_) if release.synthetic else "",
        "foot": _("Folkepuls, release {id}, data to {day}", id=release.id,
                  day=day(made, reader.language)),
        "page": _("Page {page} of {pages}", page="%p", pages="%t"),
    }  # fmt: skip


def area_facts(reader: Context, area: Mapping[str, Any], year: int) -> list[str]:
    """County, inhabitants of the year and start on the shared journal, each in few words."""
    _ = reader.translate
    said = [area["county"] or ""]
    found = inhabitants(reader.release, str(area["area_code"]), year)
    if found is None:
        said.append(_("number of inhabitants not published"))
    else:
        count, on = number(found[0], reader.language), day(found[1], reader.language)
        said.append(_("{n} inhabitants on {day}", n=count, day=on))
    if area["go_live_on"] is None:
        said.append(_("no date set for Helseplattformen"))
    elif area["go_live_certainty"] == "planned":
        when = day(area["go_live_on"], reader.language)
        said.append(
            _("Helseplattformen was planned from {day}, not confirmed", day=when)
            if area["plan_passed"]
            else _("Helseplattformen planned from {day}", day=when)
        )
    else:
        when = day(area["go_live_on"], reader.language)
        assumed = area["go_live_certainty"] == "assumed"
        since = _("on Helseplattformen since {day}", day=when)
        said.append(f"{since} ({_('assumed date')})" if assumed else since)
    return [fact for fact in said if fact]


def no_county(reader: Context, area: Mapping[str, Any]) -> str:
    """That the county has no figures of its own."""
    _ = reader.translate
    return _(
        "No figures are published for {county} as a whole, so the county is left out.",
        county=area["county"],
    )


def by_theme(entries: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    """Rows of a profile by theme, in the order of the pages."""

    def place(entry: Entry) -> int:
        return words.THEMES.index(entry["indicator"]["theme"])

    ordered = sorted(entries, key=place)
    return [(words.THEMES[at], list(members)) for at, members in groupby(ordered, key=place)]


def _look(asked: _Asked) -> Json:
    reader = asked.reader
    _ = reader.translate
    found = look_at(reader.release, asked.entries)
    shown = sum(entry["figure"]["value"] is not None for entry in asked.entries)
    return {
        "heading": _("What to look at"),
        "count": _("{n} of {all} figures are published for the municipality in the year.",
                   n=shown, all=len(asked.entries)),
        "none": _("Nothing stands out by the rules below."),
        "points": [_point(point, reader) for point in found[:POINTS]],
        "more": _more(len(found) - POINTS, reader),
        "note": how_found(reader),
    }  # fmt: skip


def _point(point: Point, reader: Context) -> Json:
    shape = direction(point)
    colour = on_paper(judged(shape, point.indicator["polarity"]))
    return {"shape": shape, "colour": colour, "text": sentence(point, reader)}


def _more(left: int, reader: Context) -> str:
    _ = reader.translate
    return _("{n} more stand on the municipality's page.", n=left) if left > 0 else ""


def _changes(asked: _Asked) -> Json:
    reader = asked.reader
    _ = reader.translate
    before = earlier_release(reader.release)
    heading = _("What has changed since the last release")
    if before is None:
        return {"heading": heading, "lines": [nothing_to_compare(reader)], "more": ""}
    changes = compared(reader.release, before, str(asked.area["area_code"]))
    revised = revisions(changes, reader)
    return {
        "heading": heading,
        "lines": [*facts(changes, reader), *revised[:REVISIONS]],
        "more": _more(len(revised) - REVISIONS, reader),
    }


def _barometer(asked: _Asked) -> Json:
    reader, area = asked.reader, asked.area
    _ = reader.translate
    key = [entry for entry in asked.entries if entry["indicator"]["key_figure"]]
    region = asked.entries[0]["region"]
    groups = _groups(key, reader)
    return {
        "heading": _("Key figures, {year}", year=asked.year),
        "columns": [
            _("Indicator"),
            area["name"],
            region["name"] if region is not None else "",
            _("Among the municipalities"),
            _("Against the region"),
        ],
        "legend": {
            "area": _("the municipality, with 95% interval"),
            "region": _("the region"),
            "middle": _("the middle half of the municipalities"),
            "peer": _("for comparison") if asked.beside else "",
            "better": _("better than the region"),
            "worse": _("worse than the region"),
        },
        "note": " ".join(_notes(asked)),
        "reasons": _reasons(
            row[name] for group in groups for row in group["rows"] for name in ("figure", "region")
        ),
        "groups": groups,
    }


def _notes(asked: _Asked) -> list[str]:
    reader, area = asked.reader, asked.area
    said = []
    if area["county"] and county_code(reader.release, area) is None:
        said.append(no_county(reader, area))
    if asked.left_out:
        _ = reader.translate
        room = BESIDE - (county_code(reader.release, area) is not None)
        said.append(_("There is room for {n} municipalities for comparison; the others stand on "
                      "the municipality's page.", n=room))  # fmt: skip
    return said


def _others(asked: _Asked) -> Json:
    reader = asked.reader
    _ = reader.translate
    others = [entry for entry in asked.entries if not entry["indicator"]["key_figure"]]
    groups = _groups(others, reader)
    return {
        "heading": _("Other figures, {year}", year=asked.year),
        "columns": [_("Indicator"), asked.area["name"], _("Against the region")],
        "reasons": _reasons(row["figure"] for group in groups for row in group["rows"]),
        "groups": groups,
    }


def _groups(entries: Sequence[Entry], reader: Context) -> list[Json]:
    return [
        {
            "theme": words.theme(theme, reader.translate),
            "rows": [_row(entry, reader) for entry in members],
        }
        for theme, members in by_theme(entries)
    ]


def _row(entry: Entry, reader: Context) -> Json:
    _ = reader.translate
    indicator, figure = entry["indicator"], entry["figure"]
    decimals = int(indicator["decimals"])
    versus = figure["versus_region"] if figure["value"] is not None else "not_compared"
    return {
        "id": indicator["indicator_id"],
        "title": reader.text(indicator, "short_title"),
        "unit": reader.text(indicator, "unit_text"),
        "polarity": words.polarity(indicator["polarity"], _),
        "figure": _figure(figure, decimals, reader),
        "region": _figure(entry["region"], decimals, reader),
        "bar": _drawn(laid_out(entry)),
        "said": reading(entry, reader),
        "versus": words.versus(versus, _),
        "shape": versus,
        "colour": on_paper(judged(versus, indicator["polarity"])),
    }


def _figure(row: Mapping[str, Any] | None, decimals: int, reader: Context) -> Json:
    """A figure as it is written, its interval, and what to mind; or its status and why."""
    _ = reader.translate
    if row is None:
        why = _("was no municipality at the end of the year")
        return {"text": "–", "interval": "", "remark": "", "why": why, "shown": False}
    shown = row["value"] is not None
    return {
        "text": words.figure(row, decimals, _),
        "interval": words.interval(row, decimals, _) if shown else "",
        "remark": remarks.explanation(row, _) if shown else "",
        "why": "" if shown else remarks.reason(row, _),
        "shown": shown,
    }


def _reasons(figures: Iterable[Json]) -> list[str]:
    """Why a table's cells have no figure, each once: a number in the cell refers to its place."""
    return list(dict.fromkeys(figure["why"] for figure in figures if figure["why"]))


def _drawn(bar: Bar | None) -> Json | None:
    if bar is None:
        return None
    return {
        "every": bar.every,
        "middle": bar.middle,
        "region": bar.region,
        "area": bar.area,
        "interval": bar.interval,
        "beside": bar.beside,
    }


def _beside(asked: _Asked) -> Json:
    """Key figures of the areas set beside, one column each: never summed."""
    reader = asked.reader
    _ = reader.translate
    names = dict(reader.release.tables["areas"].select("area_code", "name").iter_rows())
    key = [entry for entry in asked.entries if entry["indicator"]["key_figure"]]

    def stands_for(row: Mapping[str, Any] | None) -> str:
        """Which of a county's municipalities its figure stands for."""
        shown = row is not None and row["value"] is not None and row["area_level"] == "county"
        if row is None or not shown or remarks.covered_part(row) is None:
            return ""
        return remarks.coverage(row, _)

    def cells(entry: Entry) -> list[Json]:
        decimals = int(entry["indicator"]["decimals"])
        shown = [entry["figure"], *entry["beside"]]
        return [{**_figure(row, decimals, reader), "remark": stands_for(row)} for row in shown]

    rows: list[Json] = [
        {"title": reader.text(entry["indicator"], "short_title"), "cells": cells(entry)}
        for _theme, members in by_theme(key if asked.beside else [])
        for entry in members
    ]
    return {
        "heading": _("For comparison"),
        "columns": [_("Indicator"), asked.area["name"], *(names[code] for code in asked.beside)],
        "reasons": _reasons(cell for row in rows for cell in row["cells"]),
        "rows": rows,
    }


def _coverage(asked: _Asked) -> Json:
    _ = asked.reader.translate
    return {
        "heading": _("Coverage"),
        "columns": coverage_headings(_),
        "rows": spells(asked.reader, str(asked.area["area_code"])),
        "none": _("No service of the municipality is covered yet."),
        "note": _("General practitioners' offices join one by one and are not listed here."),
    }


def _caveats(asked: _Asked) -> Json:
    reader = asked.reader
    _ = reader.translate
    own, common = by_text(reader, str(asked.area["area_code"]), asked.year)
    every = len(reader.release.indicators)

    def told(titles: Mapping[str, list[str]], most: int) -> list[Json]:
        ordered = sorted(titles.items(), key=lambda entry: -len(entry[1]))
        return [{"text": text, "about": _about_which(named, every, reader)}
                for text, named in ordered[:most]]  # fmt: skip

    untold = max(0, len(own) - OWN_CAVEATS) + len(common)
    most = min(COMMON_CAVEATS, len(common))
    return {
        "heading": _("Mind this"),
        "local": _("Figures must be read together with local knowledge."),
        "own": told(own, OWN_CAVEATS),
        "common_heading": _("For all municipalities"),
        "common": told(common, most),
        # How many fit on the page is seen when it is set: what is said of the others, by number.
        "more": [_more(untold - shown, reader) for shown in range(most + 1)],
    }


def _about_which(named: Sequence[str], every: int, reader: Context) -> str:
    _ = reader.translate
    if len(named) == every:
        return _("All indicators")
    if len(named) > 3:
        return _("{n} indicators", n=number(len(named), reader.language))
    return ", ".join(named)


def _about(asked: _Asked) -> Json:
    reader = asked.reader
    _ = reader.translate
    release = reader.release
    said = [
        _("Data from {first} to {last}.", first=day(release.facts["data_from"], reader.language),
          last=day(release.facts["data_to"], reader.language)),
        _("A figure is hidden when it rests on few persons: few with the event, few without it, "
          "or few in all. Then further figures are hidden, until nobody can work out a hidden "
          "one from sums and differences of those shown."),
        _("Definitions, numerators, all years and all municipalities stand on the pages."),
        _("Licence: {licence}", licence=release.facts["licence"]),
    ]  # fmt: skip
    if release.facts["contact"]:
        said.append(_("Contact: {contact}", contact=release.facts["contact"]))
    return {
        "heading": _("About the figures"),
        "lines": said,
        "none_heading": _("When there is no figure"),
        "none": [words.status_explained(code, _) for code in NO_FIGURE],
    }
