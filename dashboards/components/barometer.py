"""The barometer: one row per indicator, an area against the region and all municipalities.

Belongs here: the table of the municipality's page. Does not belong here: choosing its figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from dashboards import remarks, words
from dashboards.charts.theme import judged
from dashboards.profiles.bars import laid_out
from dashboards.session import Context, link
from dashboards.text import Translator, number


def bar(entry: Mapping[str, Any]) -> str:
    """A scaled bar: middle half of the municipalities, the region, the area with its interval.

    The same figures stand in the table's other columns, so it is hidden from screen readers.
    """
    figure, marks = entry["figure"], laid_out(entry)
    if marks is None:
        return ""

    def span(cls: str, ends: tuple[float, float], more: str = "") -> str:
        size = f"left:{ends[0]}%;width:{round(ends[1] - ends[0], 2)}%"
        return f'<i class="{cls}" style="{more}{size}"></i>'

    parts = [span("fp-bar-all", marks.every), span("fp-bar-mid", marks.middle)]
    if marks.region is not None:
        parts.append(f'<i class="fp-bar-ref" style="left:{marks.region}%"></i>')
    parts += [f'<i class="fp-bar-peer" style="left:{at}%">◇</i>' for at in marks.beside]
    if marks.area is not None:
        colour = judged(figure["versus_region"], entry["indicator"]["polarity"])
        if marks.interval is not None:
            parts.append(span("fp-bar-ci", marks.interval, f"background:{colour};"))
        shape = f"fp-dot-{figure['versus_region'].replace('_', '-')}"
        place = f"left:{marks.area}%;color:{colour}"
        sign = words.SHAPES.get(figure["versus_region"], "●").replace("–", "●")
        parts.append(f'<i class="fp-bar-dot {shape}" style="{place}">{sign}</i>')
    return f'<span class="fp-bar" aria-hidden="true">{"".join(parts)}</span>'


def reading(entry: Mapping[str, Any], context: Context) -> str:
    """The sentence that says what the figure means, or why there is none.

    Before it stands for whom and how it is computed, where that is not what is shown first.
    """
    said = words.apart(entry["figure"], entry["indicator"], context.translate)
    sentence = _sentence(entry, context)
    return f"{said[0].upper()}{said[1:]}: {sentence}" if said else sentence


def _sentence(entry: Mapping[str, Any], context: Context) -> str:
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

    if figure["value_kind"] == "median":
        # The indicator's own sentence is about the mean.
        return _(
            "{area}, {year}: the middle one has {value} ({unit}). As many have more as have less.",
            area=figure["name"],
            year=figure["year"],
            value=written("value"),
            unit=context.text(indicator, "unit_text"),
        )
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
        why = remarks.reason(figure, _)
        small = f"<small>{escape(why)}</small>" if why else ""
        return _none(figure, words.figure(figure, decimals, _)) + small
    interval = words.interval(figure, decimals, _)
    small = f"<small>({interval})</small>" if interval else ""
    remark = remarks.explanation(figure, _)
    extra = f'<small class="fp-remark">{escape(remark)}</small>' if remark else ""
    return f"<b>{escape(words.figure(figure, decimals, _))}</b> {small}{extra}"


def brief_cell(figure: Mapping[str, Any], decimals: int, _: Translator) -> str:
    """The same where many stand close: of no figure sign and words, without the reason."""
    if figure["value"] is None:
        return _none(figure, words.figure(figure, decimals, _))
    return figure_cell(figure, decimals, _)


def sign_cell(figure: Mapping[str, Any], _: Translator) -> str:
    """Where a count is lacking: the sign of the status for eyes, its words for screen readers."""
    code = figure["value_status"] if figure["value"] is None else "missing"
    said, sign = escape(words.status(code, _), quote=True), words.SYMBOLS[code]
    return (
        f'<span class="fp-none" title="{said}"><span aria-hidden="true">{sign}</span> '
        f'<span class="fp-unseen">{said}</span></span>'
    )


def _none(figure: Mapping[str, Any], said: str) -> str:
    code = figure["value_status"]
    return (
        f'<span class="fp-none fp-none-{code.replace("_", "-")}">'
        f'<span class="fp-sign" aria-hidden="true">{words.SYMBOLS.get(code, "")}</span> '
        f"{escape(said)}</span>"
    )


def _region_cell(region: Mapping[str, Any], decimals: int, _: Translator) -> str:
    """The region's figure beside an area's, its coverage in as few words as can be."""
    share = remarks.covered_part(region)
    if region["value"] is None or share is None:
        return figure_cell(region, decimals, _)
    said = _("covers {share}%", share=number(100 * share, _.language))
    if remarks.is_little(share):
        said = _("covers few")
    plain = figure_cell({**region, "quality_flags": ""}, decimals, _)
    return f'{plain}<small class="fp-remark">{escape(said)}</small>'


def difference_cell(figure: Mapping[str, Any], polarity: str, _: Translator) -> str:
    """The comparison with the region, and which side is the better: words, and colour besides."""
    code = figure["versus_region"] if figure["value"] is not None else "not_compared"
    colour = judged(code, polarity)
    sided = words.sided(words.side(code, polarity), _)
    small = f" <small>{escape(sided)}</small>" if sided else ""
    return (
        f'<span class="fp-diff"><span aria-hidden="true" style="color:{colour}">'
        f"{words.SHAPES[code]}</span> {escape(words.versus(code, _))}{small}</span>"
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
    regional = _region_cell(region, decimals, _) if region is not None else "–"
    others = [_beside_cell(entry["beside"], decimals, _)] if entry["beside"] else []
    return [
        name,
        figure_cell(figure, decimals, _),
        regional,
        *others,
        bar(entry),
        difference_cell(figure, indicator["polarity"], _),
    ]


def _beside_cell(rows: Sequence[Mapping[str, Any] | None], decimals: int, _: Translator) -> str:
    """Areas that the reader set beside, each by its name: side by side, never summed."""
    items = "".join(
        f"<li>{escape(row['name'])} {brief_cell(row, decimals, _)}</li>"
        for row in rows
        if row is not None
    )
    return f'<ul class="fp-peers">{items}</ul>' if items else "–"
