"""Which services of a municipality the figures can see, and from when.

Belongs here: the coverage table of the municipality's page. Does not belong here: the calendar.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import polars as pl

from dashboards import words
from dashboards.components import note, show, table
from dashboards.session import Context
from dashboards.text import Translator, day, number


def service(code: str, _: Translator) -> str:
    """What a service is called; an unknown one is shown as it stands."""
    return {
        "hospital": _("Hospital"),
        "municipal_care": _("Municipal health and care"),
        "gp": _("General practitioners"),
        "portal": _("HelsaMi"),
        "documentation": _("Documentation"),
    }.get(code, code)


def _row(spell: Mapping[str, Any], reader: Context) -> list[str]:
    _ = reader.translate
    planned = spell["status"] == "planned"
    passed = spell["valid_from"] <= reader.release.facts["data_to"]
    share = _("{share}%", share=number(100 * spell["share"], reader.language))
    end = spell["valid_to"]
    return [
        service(spell["service"], _),
        words.plan(passed, _) if planned else share,
        day(spell["valid_from"], reader.language),
        "–" if end is None else day(end, reader.language),
        "–" if planned else words.certainty(spell["certainty"], _),
    ]


def headings(_: Translator) -> list[str]:
    """What the columns of ``spells`` are called."""
    return [_("Service"), _("Share covered"), _("From"), _("To"), _("The date is")]


def spells(reader: Context, area_code: str) -> list[list[str]]:
    """The services of a municipality and since when the figures see them, as plain texts."""
    table = reader.release.tables["coverage"].filter(pl.col("area_code") == area_code)
    return [_row(one, reader) for one in table.sort("service", "valid_from").iter_rows(named=True)]


def coverage(reader: Context, area_code: str) -> None:
    """The table, or a note where there is nothing to put in it."""
    _ = reader.translate
    rows = [[escape(cell) for cell in cells] for cells in spells(reader, area_code)]
    show(f"<h2>{escape(_('Coverage'))}</h2>")
    if not rows:
        show(note(_("No service of the municipality is covered yet.")))
        return
    show(table(_("Services on Helseplattformen"), headings(_), rows))
    offices = _("General practitioners' offices join one by one and are not listed here.")
    show(f'<p class="fp-small">{escape(offices)}</p>')
