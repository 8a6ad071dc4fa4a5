"""What protection did to a release, by indicator: hidden by which rule, at what cost, how narrow.

Belongs here: the table of all indicators and the order it is in. Does not belong here: one
indicator's years and reasons (``steward_hidden_one``), and any figure of a cell. Primary and
secondary suppression are told apart here and nowhere in what is published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from dashboards.session import choose
from dashboards.text import Translator
from dashboards.views.steward_hidden_one import draw_one, notes
from dashboards.views.steward_hidden_words import (
    NOT_THERE,
    cost_words,
    primary_words,
    proof_words,
    second_words,
    share_words,
    width_words,
)
from dashboards.views.steward_parts import Column, Desk, markup, table

ALL = "all"
SORTED = {
    # What to sort by → the column that is looked at, and whether the largest comes first.
    "share": ("share", True),
    "primary": ("primary", True),
    "secondary": ("secondary", True),
    "cost": ("cost_share", True),
    "narrowest": ("slack", False),
    "second": ("second_values", False),
    "proof": ("proven_share", False),
    "title": ("title", False),
}


def show(desk: Desk) -> None:
    """Draw the page."""
    tr = desk.translate
    st.header(tr("Hidden figures"))
    ids = [str(record["release_id"]) for record in desk.zone.releases()]
    if not ids:
        st.info(tr("No release has been built yet. Run “folkepuls run” first."))
        return
    left, middle, right = st.columns(3)
    with left:
        chosen = choose(st.selectbox, tr("Release"), "release", ids, ids[0], str)
    cells, protection = desk.zone.disclosure(chosen), desk.zone.protection(chosen)
    if cells.is_empty():
        st.info(tr("Nothing was recorded about the cells of this release."))
        return
    rows = overview(cells, protection, desk.language).sort("title", "indicator_id")
    names = {ALL: tr("All indicators")} | dict(rows.select("indicator_id", "title").iter_rows())
    with middle:
        one = choose(
            st.selectbox, tr("Indicator"), "indicator", list(names), ALL, names.__getitem__
        )
    _explain(tr)
    if one != ALL:
        mine = pl.col("indicator_id") == one
        draw_one(desk, names[one], cells.filter(mine), protection.filter(mine))
        return
    titles = _titles(tr)
    with right:
        by = choose(st.selectbox, tr("Sort by"), "sort", list(SORTED), "share", titles.__getitem__)
    column, is_descending = SORTED[by]
    in_order = rows.sort(column, descending=is_descending, nulls_last=True, maintain_order=True)
    _table(desk, in_order, by)
    notes(desk)


def overview(cells: pl.DataFrame, protection: pl.DataFrame, language: str) -> pl.DataFrame:
    """What there is to say of each indicator, all years together.

    Args:
        cells: ``StewardZone.disclosure``.
        protection: ``StewardZone.protection``; indicators without it keep nulls.
        language: Of the titles.

    Returns:
        One row per indicator: title (its id where none is known); counted and hidden figures and
        the share; primary figures, and a list of rule and figures; secondary figures; cost and
        its share of the worth; the narrowest interval with its requirement and slack; values left
        to the second attacker; blocks, proven ones, and why the largest other one is not.
    """
    n, reason = pl.col("cells"), pl.col("reason")
    primary = cells.filter(reason == "primary").group_by("indicator_id", "rule").agg(n.sum())
    by_rule = (
        primary.sort("cells", "rule", descending=[True, False])
        .group_by("indicator_id", maintain_order=True)
        .agg(rules=pl.struct("rule", "cells"))
    )
    counted = cells.group_by("indicator_id").agg(
        # What no protection could show is no loss of it: the share is of what was counted.
        n.filter(~reason.is_in(NOT_THERE)).sum().alias("counted"),
        n.filter(pl.col("status") == "suppressed").sum().alias("hidden"),
        n.filter(reason == "primary").sum().alias("primary"),
        n.filter(reason == "secondary").sum().alias("secondary"),
    )
    slack = pl.col("narrowest") - pl.col("width_required")
    years = protection.with_columns(slack=slack).sort("slack", "block_cells", nulls_last=True)
    told = years.group_by("indicator_id", maintain_order=True).agg(
        pl.col(f"title_{language}").last().alias("title"),
        pl.col("cost", "worth", "attacked", "second_attacked", "blocks", "proven").sum(),
        pl.col("narrowest", "width_required", "slack").first(),
        pl.col("second_values").min(),
        pl.col("reason").sort_by("block_cells", descending=True, nulls_last=True).first(),
        pl.col("block_cells").max(),
    )
    return (
        counted.join(by_rule, on="indicator_id", how="left")
        .join(told, on="indicator_id", how="left")
        .with_columns(
            pl.coalesce("title", "indicator_id").alias("title"),
            share=pl.when(pl.col("counted") > 0).then(pl.col("hidden") / pl.col("counted")),
            cost_share=pl.when(pl.col("worth") > 0).then(pl.col("cost") / pl.col("worth")),
            proven_share=pl.when(pl.col("blocks") > 0).then(pl.col("proven") / pl.col("blocks")),
        )
    )


def _titles(tr: Translator) -> dict[str, str]:
    """Headings by what they sort by."""
    return {
        "title": tr("Indicator"),
        "share": tr("Share hidden"),
        "primary": tr("Unsafe by themselves"),
        "secondary": tr("To protect others"),
        "cost": tr("Cost of protecting others"),
        "narrowest": tr("Narrowest interval"),
        "second": tr("Left to the second attacker"),
        "proof": tr("Could less be hidden?"),
    }


def _explain(tr: Translator) -> None:
    few = tr("the figure breaks a rule of its policy, such as too few persons.")
    others = tr(
        "the figure is harmless by itself, but together with others it would reveal one that "
        "is hidden."
    )
    markup(
        f"<p><strong>{escape(tr('Unsafe by themselves'))}:</strong> {escape(few)}</p>"
        f"<p><strong>{escape(tr('To protect others'))}:</strong> {escape(others)}</p>"
        f'<p class="fp-soft">{escape(tr("Readers of a release are never told which it is."))}</p>'
    )


def _table(desk: Desk, rows: pl.DataFrame, by: str) -> None:
    tr = desk.translate
    columns = [
        Column(
            title,
            is_number=code not in ("title", "proof"),
            order=("descending" if SORTED[code][1] else "ascending") if code == by else None,
        )
        for code, title in _titles(tr).items()
    ]
    caption = tr("Figures by indicator, all years. Counts from 1 to 4 are written <5.")
    markup(table(caption, columns, [_row(desk, row) for row in rows.to_dicts()], is_stacked=True))


def _row(desk: Desk, row: Mapping[str, Any]) -> Sequence[str]:
    return [
        str(row["title"]),
        share_words(desk, row["share"]),
        primary_words(desk, int(row["primary"]), row["rules"]),
        desk.count(int(row["secondary"])),
        cost_words(desk, row["cost"], row["worth"]),
        width_words(desk, row["narrowest"], row["width_required"]),
        second_words(desk, row["second_values"]),
        proof_words(desk, row),
    ]
