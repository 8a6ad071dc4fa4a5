"""The barometer: one row per indicator, an area against the region and all municipalities.

Belongs here: the table of the municipality's page. Does not belong here: choosing its figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from dashboards import remarks, words
from dashboards.charts.theme import judged
from dashboards.session import Context, link
from dashboards.text import Translator, number


def bar(entry: Mapping[str, Any]) -> str:
    """A scaled bar: middle half of the municipalities, the region, the area with its interval.

    The same figures stand in the table's other columns, so it is hidden from screen readers.
    """
    figure, spread, region = entry["figure"], entry["spread"], entry["region"]
    if spread is None:
        return ""
    marks = [spread[0], spread[3], figure["value"], figure["lower_ci"], figure["upper_ci"]]
    if region is not None:
        marks.append(region["value"])
    known = [mark for mark in marks if mark is not None]
    low, high = float(min(known)), float(max(known))
    width = (high - low) or 1.0

    def at(value: float) -> float:
        return round(3 + 94 * (value - low) / width, 2)

    def span(cls: str, start: float, end: float) -> str:
        size = f"left:{at(start)}%;width:{round(at(end) - at(start), 2)}%"
        return f'<i class="{cls}" style="{size}"></i>'

    parts = [span("fp-bar-all", spread[0], spread[3]), span("fp-bar-mid", spread[1], spread[2])]
    if region is not None and region["value"] is not None:
        parts.append(f'<i class="fp-bar-ref" style="left:{at(region["value"])}%"></i>')
    if figure["value"] is not None:
        colour = judged(figure["versus_region"], entry["indicator"]["polarity"])
        if figure["lower_ci"] is not None and figure["upper_ci"] is not None:
            ends = span("fp-bar-ci", figure["lower_ci"], figure["upper_ci"])
            parts.append(ends.replace('style="', f'style="background:{colour};'))
        shape = f"fp-dot-{figure['versus_region'].replace('_', '-')}"
        place = f"left:{at(figure['value'])}%;color:{colour}"
        sign = words.SHAPES.get(figure["versus_region"], "●").replace("–", "●")
        parts.append(f'<i class="fp-bar-dot {shape}" style="{place}">{sign}</i>')
    return f'<span class="fp-bar" aria-hidden="true">{"".join(parts)}</span>'


def reading(entry: Mapping[str, Any], context: Context) -> str:
    """The sentence that says what the figure means, or why there is none."""
    figure, indicator = entry["figure"], entry["indicator"]
    _ = context.translate
    decimals = indicator["decimals"]
    if figure["value"] is None:
        merged = figure["value_status"] == "merged"
        said = words.figure(figure, decimals, _) if merged else remarks.explanation(figure, _)
        return f"{figure['name']}, {figure['year']}: {said}."

    def written(name: str) -> str:
        value = figure[name]
        return "–" if value is None else number(value, context.language, decimals)

    region = entry["region"]["name"] if entry["region"] else ""
    sentence = context.text(indicator, "reading").format(
        area=figure["name"],
        period=figure["year"],
        value=written("value"),
        lower=written("lower_ci"),
        upper=written("upper_ci"),
        comparison=remarks.comparison(figure, region, decimals, _),
    )
    remark = remarks.explanation(figure, _)
    return f"{sentence} {_('Note: {remark}.', remark=remark)}" if remark else sentence


def figure_cell(figure: Mapping[str, Any], decimals: int, _: Translator) -> str:
    """A figure with its interval, or the sign and words of its status."""
    if figure["value"] is None:
        code = figure["value_status"]
        sign = words.SYMBOLS.get(code, "")
        why = remarks.reason(figure, _)
        small = f"<small>{escape(why)}</small>" if why else ""
        return (
            f'<span class="fp-none fp-none-{code.replace("_", "-")}">'
            f'<span class="fp-sign" aria-hidden="true">{sign}</span> '
            f"{escape(words.figure(figure, decimals, _))}</span>{small}"
        )
    interval = words.interval(figure, decimals, _)
    small = f"<small>({interval})</small>" if interval else ""
    remark = remarks.explanation(figure, _)
    extra = f'<small class="fp-remark">{escape(remark)}</small>' if remark else ""
    return f"<b>{escape(words.figure(figure, decimals, _))}</b> {small}{extra}"


def _region_cell(region: Mapping[str, Any], decimals: int, _: Translator) -> str:
    """The region's figure beside an area's, its coverage in as few words as can be."""
    share = remarks.covered_part(region)
    if region["value"] is None or share is None:
        return figure_cell(region, decimals, _)
    said = _("covers {share}%", share=number(100 * share, _.language))
    plain = figure_cell({**region, "quality_flags": ""}, decimals, _)
    return f'{plain}<small class="fp-remark">{escape(said)}</small>'


def difference_cell(figure: Mapping[str, Any], polarity: str, _: Translator) -> str:
    """The comparison with the region: shape, word, and colour besides."""
    code = figure["versus_region"] if figure["value"] is not None else "not_compared"
    colour = judged(code, polarity)
    return (
        f'<span class="fp-diff"><span aria-hidden="true" style="color:{colour}">'
        f"{words.SHAPES[code]}</span> {escape(words.versus(code, _))}</span>"
    )


def barometer_row(entry: Mapping[str, Any], context: Context) -> list[str]:
    """The cells of one indicator's row, as HTML."""
    figure, indicator, region = entry["figure"], entry["indicator"], entry["region"]
    _ = context.translate
    decimals = indicator["decimals"]
    address = link(
        "indikator",
        indicator=indicator["indicator_id"],
        area=figure["area_code"],
        year=figure["year"],
        lang=context.language,
    )
    name = (
        f'<a href="{escape(address, quote=True)}" target="_self">'
        f"{escape(context.text(indicator, 'title'))}</a>"
        f"<small>{escape(context.text(indicator, 'unit_text'))} · "
        f"{escape(words.polarity(indicator['polarity'], _))}</small>"
        f'<details class="fp-reading"><summary>{escape(_("What does this mean?"))}</summary>'
        f"<p>{escape(reading(entry, context))}</p></details>"
    )
    beside = _region_cell(region, decimals, _) if region is not None else "–"
    return [
        name,
        figure_cell(figure, decimals, _),
        beside,
        bar(entry),
        difference_cell(figure, indicator["polarity"], _),
    ]
