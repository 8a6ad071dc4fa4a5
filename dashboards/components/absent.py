"""Which areas a chart leaves out, for which periods, and why.

Belongs here: the list below a chart. Does not belong here: choosing areas, the reasons' words
(``remarks``).
"""

from __future__ import annotations

from html import escape

import polars as pl

from dashboards.components import folded
from dashboards.session import Context

OPEN = 6
"""So many areas and periods stand openly; more are folded."""


def absent(reader: Context, rows: pl.DataFrame) -> str:
    """Areas without a figure by reason, each with its periods unless it has none at all.

    Args:
        reader: The reader.
        rows: One row per area and period in order: ``name``, ``when``, ``value``, ``note``.

    Returns:
        HTML; empty where every area has every figure.
    """
    _ = reader.translate
    periods = rows.group_by("name").agg(all=pl.len())
    groups = (
        rows.filter(pl.col("value").is_null())
        .group_by("note", "name", maintain_order=True)
        .agg("when")
        .join(periods, on="name", how="left", maintain_order="left")
        .group_by("note", maintain_order=True)
        .agg(pl.struct("name", "when", "all").alias("areas"))
    )
    if groups.is_empty():
        return ""
    items = "".join(
        f"<li><b>{escape(note)}:</b> {escape(', '.join(map(_told, areas)))}</li>"
        for note, areas in groups.iter_rows()
    )
    listed = f'<ul class="fp-list fp-small">{items}</ul>'
    lacking = rows.filter(pl.col("value").is_null())
    count = lacking["name"].n_unique()
    title = _("Without a figure ({n})", n=count)
    if max(count, lacking.height) > OPEN:
        return folded(title, listed)
    return f'<p class="fp-small"><b>{escape(title)}</b></p>{listed}'


def _told(area: dict[str, object]) -> str:
    """A name, with the periods where they are not all."""
    when = area["when"]
    if not isinstance(when, list) or len(when) == area["all"]:
        return str(area["name"])
    return f"{area['name']} ({', '.join(when)})"
