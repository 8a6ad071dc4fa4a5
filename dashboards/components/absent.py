"""Which areas a chart leaves out, for which periods, and why.

Belongs here: the list below a chart, and what stands where an area did not exist or cannot be
opened. Does not belong here: choosing areas, the reasons' words (``remarks``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from html import escape

import polars as pl
import streamlit as st

from dashboards.components import folded, note, show
from dashboards.places import names_to_choose
from dashboards.session import Context, code_of

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
        f"<li><b>{escape(note.rstrip('.'))}:</b> {escape(', '.join(map(_told, areas)))}</li>"
        for note, areas in groups.iter_rows()
    )
    listed = f'<ul class="fp-list fp-small">{items}</ul>'
    lacking = rows.filter(pl.col("value").is_null())
    count = lacking["name"].n_unique()
    title = _("Without a figure ({n})", n=count)
    if max(count, lacking.height) > OPEN:
        return folded(title, listed)
    return f'<p class="fp-small"><b>{escape(title)}</b></p>{listed}'


def gone(reader: Context, area_code: str, year: int) -> bool:
    """Say so where an area did not exist at the end of a year.

    Returns:
        Whether that is so.
    """
    if area_code in reader.release.areas(year)["area_code"]:
        return False
    _ = reader.translate
    name = names_to_choose(reader.release)[area_code]
    text = _("{area} did not exist as a municipality at the end of {year}.", area=name, year=year)
    show(note(text))
    return True


def not_offered(reader: Context, names: Mapping[str, str], default: str) -> None:
    """Say so where the address names an area that the page cannot open, and which it opens instead.

    To be called before the area is chosen, which writes the area that is open into the address.

    Args:
        reader: The reader.
        names: Names of the areas that the page offers, by code.
        default: The area that the page opens where it is told none.
    """
    asked = st.query_params.get("area")
    if asked is None or asked in names:
        return
    _ = reader.translate
    shown = names[code_of("area", list(names), default)]
    known = names_to_choose(reader.release, counties=True)
    if asked in known:
        said = _("{area} cannot be chosen on this page. {shown} is shown instead.",
                 area=known[asked], shown=shown)  # fmt: skip
    else:
        # The code itself may be anything, and is not repeated.
        said = _("The address names an area that this release does not have. {shown} is shown "
                 "instead.", shown=shown)  # fmt: skip
    show(note(said))


def unknown(reader: Context, known: Mapping[str, Collection[str]]) -> None:
    """Say so, once for all, where the address asks for what the release does not have.

    To be called before the choices are made, which write what is shown into the address. What is
    in the release and cannot be chosen beside the other choices is no such thing.

    Args:
        reader: The reader.
        known: What the release has, by parameter: ``indicator``, ``indicators``, ``year``,
            ``group``.
    """
    _ = reader.translate
    labels = {
        "indicator": _("Indicator"),
        "indicators": _("Indicators"),
        "year": _("Year"),
        "group": _("Compare with"),
    }
    lost = [
        labels[parameter]
        for parameter, codes in known.items()
        if any(code and code not in codes for code in _asked(parameter))
    ]
    if lost:
        # The codes themselves may be anything, and are not repeated.
        said = _("The address asks for something that this release does not have ({choices}). "
                 "The choices below tell what is shown.", choices=", ".join(lost))  # fmt: skip
        show(note(said))


def _asked(parameter: str) -> list[str]:
    """The codes that the address holds for a choice, of one or of several."""
    return st.query_params.get(parameter, "").split(",")


def left_out(reader: Context, options: Collection[str], own: str, why: str) -> None:
    """Say so where the address names areas to compare with that the page cannot take, and why.

    To be called before they are chosen, which writes those that it takes into the address.

    Args:
        reader: The reader.
        options: Codes of the areas that the page takes.
        own: The page's own area, which is shown anyway.
        why: Which areas it takes, as a sentence.
    """
    asked = dict.fromkeys(_asked("with"))
    lost = [code for code in asked if code and code != own and code not in options]
    known = names_to_choose(reader.release, counties=True)
    _ = reader.translate
    names = [known[code] for code in lost if code in known]
    if names:
        said = _("Cannot be chosen here: {areas}.", areas=", ".join(names))
        show(note(f"{said} {why}"))
    if len(names) < len(lost):
        show(note(_("The address names areas to compare with that this release does not have. They "
                    "are left out.")))  # fmt: skip


def _told(area: dict[str, object]) -> str:
    """A name, with the periods where they are not all."""
    when = area["when"]
    if not isinstance(when, list) or len(when) == area["all"]:
        return str(area["name"])
    return f"{area['name']} ({', '.join(when)})"
