"""What has changed for an area between the last two published releases.

Belongs here: comparing the headline figures of two releases. Does not belong here: why a figure
has changed: nothing published tells it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from dashboards import words
from dashboards.data_access import Release
from dashboards.kept import kept
from dashboards.session import Context
from dashboards.text import day

_SHOWN = ("value", "value_status", "status_reason")


@dataclass(frozen=True)
class Changes:
    """What an area's headline figures were, and what they are.

    Attributes:
        before: The release compared with.
        new_years: Years that the earlier release did not have.
        added: Indicators that are new.
        removed: Indicators that are gone.
        redefined: Indicators with a new version: their figures are not compared.
        revised: One row per figure that differs: ``indicator_id``, ``year``, and ``value`` with
            ``value_status`` now and, with ``_was`` behind the name, before.
    """

    before: Release
    new_years: list[int]
    added: list[Mapping[str, Any]]
    removed: list[Mapping[str, Any]]
    redefined: list[Mapping[str, Any]]
    revised: pl.DataFrame


@kept(most=8)
def _headlines(release: Release) -> pl.DataFrame:
    """Headline figures of all areas and years, one row per indicator, area and year."""
    chosen = pl.DataFrame(release.indicators).select(
        "indicator_id",
        pl.col("indicator_version").cast(release.values.schema["indicator_version"]),
        pl.col("headline_kind").alias("value_kind"),
        "number",
        "decimals",
    )
    totals = pl.all_horizontal(pl.col("sex", "age_group", "breakdown") == "total")
    keys = ["indicator_id", "indicator_version", "value_kind"]
    as_written = pl.lit(10.0).pow(pl.col("decimals"))
    return (
        release.values.filter(totals)
        .join(chosen, on=keys)
        # Compared as they are written: a difference that no reader sees is none.
        .with_columns((pl.col("value") * as_written).round() / as_written)
        .select(*keys, "number", "area_code", "year", *_SHOWN)
    )


def compared(now: Release, before: Release, area_code: str) -> Changes:
    """How an area's figures differ between two releases.

    Args:
        now: The newer release.
        before: The older one.
        area_code: The area.
    """
    new = {i["indicator_id"]: i for i in now.indicators}
    old = {i["indicator_id"]: i for i in before.indicators}
    return Changes(
        before=before,
        new_years=sorted(set(now.years) - set(before.years)),
        added=[i for name, i in new.items() if name not in old],
        removed=[i for name, i in old.items() if name not in new],
        redefined=[
            i
            for name, i in new.items()
            if name in old and old[name]["indicator_version"] != i["indicator_version"]
        ],
        revised=_revised(_headlines(now), _headlines(before), area_code),
    )


def _revised(now: pl.DataFrame, before: pl.DataFrame, area_code: str) -> pl.DataFrame:
    own = pl.col("area_code") == area_code
    keys = ["indicator_id", "indicator_version", "value_kind", "year"]
    pairs = now.filter(own).join(
        before.filter(own).select(*keys, *_SHOWN), on=keys, suffix="_was"
    )  # fmt: skip
    # Two ways of having no figure differ in their reason only, which stands beside each.
    return pairs.filter(pl.col("value").ne_missing(pl.col("value_was"))).sort(
        pl.col("year"), "number", "indicator_id", descending=[True, False, False]
    )


def facts(changes: Changes, reader: Context) -> list[str]:
    """What is new of the release as a whole, a sentence each."""
    _ = reader.translate
    facts = changes.before.facts
    said = [
        _(
            "Compared with release {id}, which had data to {day}.",
            id=changes.before.id,
            day=day(facts["data_to"], reader.language),
        )
    ]
    if changes.new_years:
        said.append(_("New years: {years}.", years=", ".join(map(str, changes.new_years))))
    if changes.added:
        said.append(_("New indicators: {names}.", names=_names(changes.added, reader)))
    if changes.redefined:
        names = _names(changes.redefined, reader)
        said.append(_("Counted in a new way, so not comparable: {names}.", names=names))
    if changes.removed:
        said.append(_("No longer published: {names}.", names=_names(changes.removed, reader)))
    if changes.revised.is_empty():
        said.append(_("No figure that was published before has changed for the municipality."))
    return said


def _names(indicators: list[Mapping[str, Any]], reader: Context, most: int = 6) -> str:
    """Short titles; of many the first ones, and how many more."""
    _ = reader.translate
    titles = [reader.text(indicator, "short_title") for indicator in indicators]
    shown = ", ".join(titles[:most])
    left = len(titles) - most
    return _("{names} and {n} more", names=shown, n=left) if left > 0 else shown


def revisions(changes: Changes, reader: Context) -> list[str]:
    """Each figure that has changed, a sentence each, newest year first."""
    _ = reader.translate
    indicators = {i["indicator_id"]: i for i in reader.release.indicators}
    said = []
    for row in changes.revised.iter_rows(named=True):
        indicator = indicators[row["indicator_id"]]
        was = {"value": row["value_was"], "value_status": row["value_status_was"]}
        told = _(
            "{title}, {year}: {now}; it was {was}.",
            title=reader.text(indicator, "short_title"),
            year=row["year"],
            now=_told(row, indicator["decimals"], reader),
            was=_told(was, indicator["decimals"], reader),
        )
        said.append(f"{told} {_judged(row, indicator['polarity'], reader)}".rstrip())
    return said


def _judged(row: Mapping[str, Any], polarity: str, reader: Context) -> str:
    """Whether a figure is more favourable than it was; empty where that cannot be said."""
    if row["value"] is None or row["value_was"] is None:
        return ""
    _ = reader.translate
    direction = "higher" if row["value"] > row["value_was"] else "lower"
    return {
        "better": _("That is more favourable."),
        "worse": _("That is less favourable."),
        "": "",
    }[words.side(direction, polarity)]


def _told(row: Mapping[str, Any], decimals: int, reader: Context) -> str:
    text = words.figure(row, decimals, reader.translate)
    return text if row["value"] is not None else text[:1].lower() + text[1:]


def nothing_to_compare(reader: Context) -> str:
    """Why there is no comparison."""
    _ = reader.translate
    if reader.release.facts["supersedes"] is None:
        return _("This is the first release: there is nothing to compare with.")
    return _("The release before this one is not kept here, so nothing can be compared.")
