"""The map of the region: tiles of our own, or real borders where a file of them is given.

Belongs here: both maps and the classes of their colours. Does not belong here: the legend (it
is HTML, beside the map).
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from dashboards import remarks, words
from dashboards.charts.theme import (
    EDGE,
    INK_ON_SCALE,
    LINE,
    MUTED,
    PAPER,
    SCALE,
    filled,
    finished,
    named,
    stripes,
)
from dashboards.data_access import Release
from dashboards.figures import Choice, municipalities, year_frame
from dashboards.kept import kept
from dashboards.text import number, translator

CREDIT = "Grensedata: Kartverket, CC BY 4.0"
HEIGHT = 650
_PAD = 0.05
# One code of before 2024 covers two areas of the border file.
_FORMER = {"1508": "1507", "1580": "1507"}
_EMPTY_LOOK: dict[str, dict[str, Any]] = {
    "suppressed": {"fill": stripes(), "stroke": EDGE},
    "not_covered": {"fill": PAPER, "stroke": "var(--dashed)", "strokeDash": [3, 3]},
    "missing": {"fill": "var(--missing)", "stroke": "var(--dashed)"},
    "not_applicable": {"fill": "var(--nothing)", "stroke": LINE},
    "unreliable": {"fill": "var(--doubtful)", "stroke": "var(--doubtful-line)",
                   "strokeDash": [1, 2]},
    "merged": {"fill": "var(--together)", "stroke": EDGE, "strokeDash": [6, 2]},
}  # fmt: skip


def class_limits(frame: pl.DataFrame) -> list[float]:
    """Upper limits of the colour classes but the last: quintiles of the shown figures.

    Returns:
        Rising limits, fewer than four where figures are few or alike.
    """
    values = municipalities(frame)["value"].drop_nulls()
    if values.is_empty():
        return []
    cuts = [values.quantile(q / len(SCALE), "linear") for q in range(1, len(SCALE))]
    greatest = float(values.max())  # type: ignore[arg-type]
    return sorted({float(cut) for cut in cuts if cut is not None and cut < greatest})


def class_of(value: float, limits: list[float]) -> int:
    """The class of a value, spread over the whole scale when classes are few."""
    index = sum(value > limit for limit in limits)
    return round(index * (len(SCALE) - 1) / max(len(limits), 1))


def short_names(names: list[str]) -> dict[str, str]:
    """The shortest beginning of each name, four letters or more, that no other shares."""
    short = {}
    for name in names:
        length = 4
        others = [other for other in set(names) if other != name]
        while length < len(name) and any(o.startswith(name[:length]) for o in others):
            length += 1
        short[name] = name[:length].strip()
    return short


def _prepared(release: Release, choice: Choice, year: int, language: str) -> pl.DataFrame:
    """What the map draws: one row per municipality, texts and colours ready."""
    _ = translator(language, "planner")
    indicator = release.indicator(choice.indicator_id)
    decimals, unit = indicator["decimals"], indicator[f"unit_text_{language}"]
    frame = municipalities(year_frame(release, choice, year))
    limits = class_limits(frame)
    short = short_names(frame["name"].to_list())

    def drawn(row: dict[str, Any]) -> dict[str, Any]:
        shown = row["value"] is not None
        level = class_of(row["value"], limits) if shown else 0
        empty = row["value_status"] if not shown else "value"
        text = words.figure(row, decimals, _)
        return {
            "area_code": row["area_code"],
            "name": row["official_name"],
            "short": short[row["name"]],
            "kind": empty,
            "fill": SCALE[level] if shown else PAPER,
            "ink": INK_ON_SCALE[level] if shown else MUTED,
            "label": number(row["value"], language, decimals) if shown
            else words.SYMBOLS.get(empty, ""),
            "text": f"{text} {unit}" if shown else text,
            "interval": words.interval(row, decimals, _) or "–",
            "note": remarks.explanation(row, _) or "–",
            "x": row["tile_col"], "y": row["tile_row"], "lat": row["lat"], "lon": row["lon"],
            "href": f"kommune?area={row['area_code']}&year={year}&lang={language}",
        }  # fmt: skip

    return pl.DataFrame([drawn(row) for row in frame.iter_rows(named=True)])


def _tooltip(language: str, prefix: str = "") -> list[alt.Tooltip]:
    _ = translator(language, "planner")
    fields = {
        "name": _("Municipality"),
        "text": _("Figure"),
        "interval": _("95% interval"),
        "note": _("Note"),
    }
    return [alt.Tooltip(f"{prefix}{field}:N", title=title) for field, title in fields.items()]


def _title(release: Release, choice: Choice, year: int, language: str) -> tuple[str, str]:
    _ = translator(language, "planner")
    indicator = release.indicator(choice.indicator_id)
    title = f"{indicator[f'short_title_{language}']}, {year}"
    return title, _("Synthetic figures – not for planning") if release.synthetic else ""


@kept(most=64)
def tile_map(release: Release, choice: Choice, year: int, language: str) -> dict[str, Any]:
    """The schematic map: one equal tile per municipality."""
    frame = _prepared(release, choice, year, language).drop_nulls(["x", "y"])
    frame = frame.with_columns(
        x1=pl.col("x") + _PAD, x2=pl.col("x") + 1 - _PAD,
        y1=pl.col("y") + _PAD, y2=pl.col("y") + 1 - _PAD,
        xm=pl.col("x") + 0.5, ym=pl.col("y") + 0.5,
    )  # fmt: skip
    columns = int(frame["x"].max()) + 1  # type: ignore[arg-type]
    rows = int(frame["y"].max()) + 1  # type: ignore[arg-type]
    look = _tile_look(columns, rows, language)
    return filled(look, _title(release, choice, year, language), tiles=frame)


@kept(most=16)
def _tile_look(columns: int, rows: int, language: str) -> dict[str, Any]:
    across = alt.X("x1:Q", axis=None, scale=alt.Scale(domain=[0, columns], nice=False))
    down = alt.Y("y1:Q", axis=None, scale=alt.Scale(domain=[rows, 0], nice=False))
    base = named("tiles").encode(
        x=across, y=down, x2="x2:Q", y2="y2:Q", href="href:N", tooltip=_tooltip(language)
    )

    def tiles(kind: str, **look: Any) -> alt.Chart:  # noqa: ANN401
        mark = base.transform_filter(alt.datum.kind == kind)
        drawn: alt.Chart = mark.mark_rect(cornerRadius=5, cursor="pointer", aria=False, **look)
        return drawn

    coloured = tiles("value").encode(fill=alt.Fill("fill:N", scale=None))
    empty = [tiles(kind, strokeWidth=1, **look) for kind, look in _EMPTY_LOOK.items()]
    # What is written lies over its tile: it answers the pointer as the tile does.
    writing = named("tiles").encode(
        x=alt.X("xm:Q", axis=None), y=alt.Y("ym:Q", axis=None),
        color=alt.Color("ink:N", scale=None), href="href:N", tooltip=_tooltip(language),
    )  # fmt: skip
    size = alt.ExprRef(f"max(8.5, min(12.5, width / {columns} * 0.32))")
    common: dict[str, Any] = {
        "baseline": "middle", "aria": False, "fontSize": size, "cursor": "pointer",
    }  # fmt: skip
    name = writing.mark_text(dy=-8, **common).encode(text="short:N")
    value = writing.mark_text(dy=8, fontWeight=600, **common).encode(text="label:N")
    chart = alt.layer(coloured, *empty, name, value).properties(height=HEIGHT, width="container")
    return finished(chart, language)


def _turned(ring: list[list[float]], *, clockwise: bool) -> list[list[float]]:
    """A ring with its points in the given sense (shoelace formula)."""
    area = sum((b[0] - a[0]) * (b[1] + a[1]) for a, b in pairwise(ring))
    return ring if (area > 0) == clockwise else ring[::-1]


def _wound(geometry: dict[str, Any]) -> dict[str, Any]:
    """The geometry as Vega's spherical projections read it: outlines clockwise, holes not.

    GeoJSON (RFC 7946) has it the other way round, which would fill all but the municipality.
    """
    polygon = geometry["type"] == "Polygon"
    polygons = [geometry["coordinates"]] if polygon else geometry["coordinates"]
    turned = [
        [_turned(ring, clockwise=index == 0) for index, ring in enumerate(rings)]
        for rings in polygons
    ]
    return {"type": "MultiPolygon", "coordinates": turned}


@kept(most=1)
def _outlines(borders: Path) -> list[tuple[str, dict[str, Any]]]:
    """The border file's areas: number and geometry."""
    read = json.loads(borders.read_text(encoding="utf-8"))["features"]
    return [(str(one["properties"]["kommunenummer"]), _wound(one["geometry"])) for one in read]


@kept(most=8)
def border_map(
    release: Release, choice: Choice, year: int, language: str, borders: Path
) -> dict[str, Any]:
    """The map with real borders: shapes with the figures of the area they belonged to.

    Args:
        release: The release.
        choice: The figures.
        year: The year.
        language: The reader's language.
        borders: GeoJSON whose features have ``kommunenummer``.
    """
    frame = _prepared(release, choice, year, language).drop("x", "y")
    rows = {row["area_code"]: row for row in frame.iter_rows(named=True)}
    features: dict[str, list[dict[str, Any]]] = {}
    for code, geometry in _outlines(borders):
        row = rows.get(code) or rows.get(_FORMER.get(code, ""))
        if row is not None:
            feature = {"type": "Feature", "properties": row, "geometry": geometry}
            features.setdefault(row["kind"], []).append(feature)
    kinds = tuple(kind for kind in ("value", *_EMPTY_LOOK) if kind in features)
    spec = filled(_border_look(kinds, language), _title(release, choice, year, language))
    shapes = {kind: {"type": "FeatureCollection", "features": features[kind]} for kind in kinds}
    return {**spec, "datasets": shapes}


@kept(most=64)
def _border_look(kinds: tuple[str, ...], language: str) -> dict[str, Any]:
    """The map without data: a layer for each kind of figure or of none that it has."""

    def shapes(kind: str, **look: Any) -> alt.Chart:  # noqa: ANN401
        collection = alt.JsonDataFormat(type="json", property="features")
        mark = alt.Chart(alt.NamedData(name=kind, format=collection)).mark_geoshape(
            strokeWidth=0.7, cursor="pointer", aria=False, **look
        )
        shape: alt.Chart = mark.encode(
            tooltip=_tooltip(language, "properties."), href="properties.href:N"
        )
        return shape

    fill = alt.Fill("properties.fill:N", scale=None)
    layers = [
        shapes(kind, stroke=PAPER).encode(fill=fill)
        if kind == "value"
        else shapes(kind, **_EMPTY_LOOK[kind])
        for kind in kinds
    ]
    chart = alt.layer(*layers).project(type="mercator")
    return finished(chart.properties(height=HEIGHT, width="container"), language)


def described(release: Release, choice: Choice, year: int, language: str) -> str:
    """The map in words, for those who cannot see it."""
    _ = translator(language, "planner")
    indicator = release.indicator(choice.indicator_id)
    frame = municipalities(year_frame(release, choice, year))
    shown = frame.drop_nulls("value").sort("value")
    text = _("Map of {title} in {year}.", title=indicator[f"title_{language}"], year=year)
    if shown.is_empty():
        return f"{text} {_('No municipality has a figure.')}"
    low, high = (shown.row(i, named=True) for i in (0, -1))
    decimals = indicator["decimals"]
    return f"{text} " + _(
        "{n} of {all} municipalities have a figure, from {low} in {first} to {high} in {last}. "
        "The table beside the map holds the same figures.",
        n=shown.height,
        all=frame.height,
        low=number(low["value"], language, decimals),
        first=low["name"],
        high=number(high["value"], language, decimals),
        last=high["name"],
    )
