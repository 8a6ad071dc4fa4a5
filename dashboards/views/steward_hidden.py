"""What was suppressed and why: cells by indicator and reason, for stewards only.

Belongs here: drawing those counts. Does not belong here: any figure of a cell. Primary and
secondary suppression are told apart here and nowhere in what is published.
"""

from __future__ import annotations

from html import escape

import polars as pl
import streamlit as st

from dashboards.session import choose
from dashboards.text import Translator, number
from dashboards.views.steward_parts import Column, Desk, known, markup, table

SHOWN = "shown"
ORDER = (SHOWN, "primary", "secondary", "disclosure")
NOT_THERE = ("municipality_not_live", "service_not_covered", "no_data", "year_not_computed")


def show(desk: Desk) -> None:
    """Draw the page."""
    tr = desk.translate
    st.header(tr("Hidden figures"))
    ids = [str(record["release_id"]) for record in desk.zone.releases()]
    if not ids:
        st.info(tr("No release has been built yet. Run “folkepuls run” first."))
        return
    chosen = choose(st.selectbox, tr("Release"), "release", ids, ids[0], str)
    cells = desk.zone.disclosure(chosen)
    if cells.is_empty():
        st.info(tr("Nothing was recorded about the cells of this release."))
        return
    _explain(tr)
    _table(desk, cells)


def reason_words(tr: Translator) -> dict[str, str]:
    """Why a cell has no figure, or that it has, as a column heading."""
    return {
        SHOWN: tr("Shown"),
        "primary": tr("Too few persons"),
        "secondary": tr("To protect others"),
        "disclosure": tr("Hidden for other reasons"),
        "municipality_not_live": tr("Not in use yet"),
        "service_not_covered": tr("Not covered"),
        "no_data": tr("No data"),
        "year_not_computed": tr("Not for this year"),
        "too_few_events": tr("Too uncertain"),
        "not_defined_for_group": tr("Not defined"),
        "exceeds_register": tr("More than are registered"),
        "age_groups_merged": tr("Age groups merged"),
    }


def _explain(tr: Translator) -> None:
    few = tr("the group or the rest of it is smaller than the policy's threshold.")
    others = tr(
        "the figure is harmless by itself, but together with others it would reveal one that "
        "is hidden."
    )
    markup(
        f"<p><strong>{escape(tr('Too few persons'))}:</strong> {escape(few)}</p>"
        f"<p><strong>{escape(tr('To protect others'))}:</strong> {escape(others)}</p>"
        f'<p class="fp-soft">{escape(tr("Readers of a release are never told which it is."))}</p>'
    )


def _table(desk: Desk, cells: pl.DataFrame) -> None:
    tr = desk.translate
    named = cells.with_columns(
        pl.when(pl.col("status") == "ok")
        .then(pl.lit(SHOWN))
        .otherwise(pl.coalesce("reason", "status"))
        .alias("why")
    )
    wide = named.pivot("why", index="indicator_id", values="cells", aggregate_function="sum")
    found = [name for name in wide.columns if name != "indicator_id"]
    reasons = sorted(found, key=lambda name: (_place(name), name))
    words = reason_words(tr)
    columns = [
        Column(tr("Indicator"), is_code=True),
        *(Column(known(words, name), is_number=True) for name in reasons),
        Column(tr("Share shown, where covered"), is_number=True),
    ]
    rows = []
    for row in wide.sort("indicator_id").iter_rows(named=True):
        counts = [int(row[name] or 0) for name in reasons]
        shown = int(row.get(SHOWN) or 0)
        # What no protection could show is no loss of it: the share is of what was counted.
        counted = sum(int(row[name] or 0) for name in reasons if name not in NOT_THERE)
        share = tr("{share}%", share=number(100 * shown / max(counted, 1), desk.language))
        rows.append([str(row["indicator_id"]), *map(desk.count, counts), share])
    markup(table(tr("Cells by indicator. Counts from 1 to 4 are written <5."), columns, rows))


def _place(reason: str) -> int:
    return ORDER.index(reason) if reason in ORDER else len(ORDER)
