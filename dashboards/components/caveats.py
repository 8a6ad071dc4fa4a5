"""What to mind about figures: caveats of an area, and of every area.

Belongs here: the list of caveats. Does not belong here: the texts (they come with the release).
One caveat often holds for many indicators; it is written once, with their names.
"""

from __future__ import annotations

from html import escape
from typing import Any

from dashboards.components import show
from dashboards.figures import applicable
from dashboards.session import Context
from dashboards.text import number


def by_text(reader: Context, area_code: str, year: int) -> tuple[dict[str, list[str]], ...]:
    """Texts with the short titles of their indicators: the area's own, and those of all areas."""
    own: dict[str, list[str]] = {}
    common: dict[str, list[str]] = {}
    told: dict[str, list[dict[str, Any]]] = {}
    for caveat in applicable(reader.release, area_code, year).iter_rows(named=True):
        told.setdefault(caveat["indicator_id"], []).append(caveat)
    for indicator in reader.release.indicators:
        title = reader.text(indicator, "short_title")
        for caveat in told.get(indicator["indicator_id"], ()):
            titles = common if caveat["area_code"] == "*" else own
            named = titles.setdefault(reader.text(caveat, "text"), [])
            if title not in named:
                named.append(title)
    return own, common


def _listed(reader: Context, titles: dict[str, list[str]]) -> str:
    """Caveats as list items, those of most indicators first."""
    _ = reader.translate
    every = len(reader.release.indicators)
    items = []
    for text, named in sorted(titles.items(), key=lambda entry: -len(entry[1])):
        about = _("All indicators") if len(named) == every else ", ".join(named)
        items.append(f"<li>{escape(text)} <small>{escape(about)}</small></li>")
    return f'<ul class="fp-list fp-caveats">{"".join(items)}</ul>'


def profile_caveats(reader: Context, area_code: str, year: int) -> None:
    """Below an area's key figures: its own caveats openly, those of every area folded away."""
    _ = reader.translate
    own, common = by_text(reader, area_code, year)
    local = escape(_("Figures must be read together with local knowledge."))
    body = f'<p class="fp-note">{local}</p>'
    if own:
        body += _listed(reader, own)
    if common:
        count = number(len(common), reader.language)
        summary = escape(_("Caveats that hold for all municipalities ({n})", n=count))
        body += (
            f'<details class="fp-reading"><summary>{summary}</summary>'
            f"{_listed(reader, common)}</details>"
        )
    show(f"<h2>{escape(_('Mind this'))}</h2>{body}")


def area_caveats(reader: Context, indicator_id: str, area_code: str, year: int) -> str:
    """Beside one figure: the caveats of its area, as notes."""
    found = applicable(reader.release, area_code, year, indicator_id)
    texts = dict.fromkeys(
        reader.text(caveat, "text")
        for caveat in found.iter_rows(named=True)
        if caveat["area_code"] != "*"
    )
    return "".join(f'<p class="fp-note">{escape(text)}</p>' for text in texts)
