"""One indicator's hidden figures: year by year, and by reason and level.

Belongs here: drawing what protection did to one indicator. Does not belong here: the comparison
of indicators (``steward_hidden``).
"""

from __future__ import annotations

from html import escape

import polars as pl

from dashboards.views.steward_hidden_words import (
    ORDER,
    SHOWN,
    cost_words,
    primary_words,
    proof_words,
    reason_words,
    rule_words,
    second_words,
    width_words,
)
from dashboards.views.steward_parts import Column, Desk, bullets, known, markup, table

LEVELS = ("region", "county", "municipality", "group")


def draw_one(desk: Desk, title: str, cells: pl.DataFrame, protection: pl.DataFrame) -> None:
    """Draw one indicator.

    Args:
        desk: The desk.
        title: Its title.
        cells: Its rows of ``StewardZone.disclosure``.
        protection: Its rows of ``StewardZone.protection``.
    """
    tr = desk.translate
    name = escape(str(cells["indicator_id"][0]))
    policy = ""
    if protection.height:
        policy = escape(tr("Policy: {policy}.", policy=str(protection["policy_id"][0])))
    subject = f'<span class="fp-code">{name}</span> {policy}'
    markup(f'<h3>{escape(title)}</h3><p class="fp-soft">{subject}</p>')
    _years(desk, cells, protection)
    _reasons(desk, cells)
    notes(desk)


def _years(desk: Desk, cells: pl.DataFrame, protection: pl.DataFrame) -> None:
    tr = desk.translate
    columns = [
        Column(tr("Year")),
        *(
            Column(heading, is_number=True)
            for heading in (
                tr("Shown"),
                tr("Unsafe by themselves"),
                tr("To protect others"),
                tr("Cost of protecting others"),
                tr("Narrowest interval"),
                tr("Left to the second attacker"),
            )
        ),
        Column(tr("Could less be hidden?")),
    ]
    years = {str(row["period"]): row for row in protection.to_dicts()}
    rows = []
    for year, mine in sorted(cells.partition_by("period", as_dict=True).items()):
        period = str(year[0])
        primary = mine.filter(pl.col("reason") == "primary")
        rules = primary.group_by("rule").agg(pl.col("cells").sum()).sort("cells", descending=True)
        told = years.get(period, dict.fromkeys(protection.columns))
        rows.append(
            [
                period,
                desk.count(_sum(mine, pl.col("status") == "ok")),
                primary_words(desk, _sum(primary, pl.lit(True)), rules.to_dicts()),
                desk.count(_sum(mine, pl.col("reason") == "secondary")),
                cost_words(desk, told["cost"], told["worth"]),
                width_words(desk, told["narrowest"], told["width_required"]),
                second_words(desk, told["second_values"]),
                proof_words(desk, told),
            ]
        )
    markup(table(tr("Year by year"), columns, rows, is_stacked=True))


def _sum(cells: pl.DataFrame, which: pl.Expr) -> int:
    return int(cells.filter(which)["cells"].sum())


def _reasons(desk: Desk, cells: pl.DataFrame) -> None:
    """Figures by reason and level, all years."""
    tr = desk.translate
    why = (
        pl.when(pl.col("status") == "ok")
        .then(pl.lit(SHOWN))
        .otherwise(pl.coalesce("reason", "status"))
    )
    counts = (
        cells.with_columns(why=why).group_by("why", "rule", "area_level").agg(pl.col("cells").sum())
    )
    levels = sorted(set(counts["area_level"]), key=lambda level: _place(LEVELS, level))
    level_words = {
        "region": tr("Region"),
        "county": tr("Counties"),
        "municipality": tr("Municipalities"),
        "group": tr("Groups of municipalities"),
    }
    reasons, rules = reason_words(tr), rule_words(tr)
    found = {(why, rule) for why, rule in counts.select("why", "rule").iter_rows()}
    rows = []
    for reason, rule in sorted(found, key=lambda pair: (*_place(ORDER, pair[0]), pair[1] or "")):
        said = known(reasons, reason)
        mine = counts.filter(pl.col("why") == reason, pl.col("rule").eq_missing(pl.lit(rule)))
        per_level = dict(mine.select("area_level", "cells").iter_rows())
        rows.append(
            [
                said if rule is None else f"{said}: {known(rules, rule)}",
                *(desk.count(int(per_level.get(level, 0))) for level in levels),
            ]
        )
    columns = [
        Column(tr("Reason")),
        *(Column(known(level_words, level), is_number=True) for level in levels),
    ]
    markup(table(tr("All figures by reason. Counts from 1 to 4 are written <5."), columns, rows))


def _place(order: tuple[str, ...], name: str) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order), name)


def notes(desk: Desk) -> None:
    """Say what the columns mean."""
    tr = desk.translate
    notes = [
        tr("Cost is weight: totals, both sexes together and the region weigh more than parts."),
        tr(
            "An interval is what a reader cannot rule out, given everything that is shown and the "
            "population; it is followed only until it is proven wide enough, and may be wider."
        ),
        tr(
            "Where the population alone leaves less than the policy's width, no more is required: "
            "of one inhabitant, everybody knows that it is 0 or 1."
        ),
        tr(
            "The second attacker also knows which hidden figures are small, and thus that they are "
            "at least 1 and below the threshold. Two values must stay possible."
        ),
        tr(
            "Parts are sets of figures that share no equation. In a part that is proven no other "
            "safe choice of figures to hide costs less."
        ),
    ]
    markup(bullets(notes))
