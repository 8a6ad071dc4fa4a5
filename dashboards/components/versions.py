"""Which version of its definition an indicator's figures follow, since when, and which before.

Belongs here: the part of the definition tab on versions. Does not belong here: finding them
(``past_releases``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from html import escape
from itertools import pairwise, starmap
from typing import Any

from dashboards import words
from dashboards.components import folded, show, subheading, table
from dashboards.figures import strata
from dashboards.past_releases import Edition, editions, not_kept
from dashboards.session import Context
from dashboards.text import day


def versions(reader: Context, indicator_id: str) -> None:
    """One line where there is one version; else a table of them and what each said."""
    _ = reader.translate
    now, *before = editions(reader.release, indicator_id)
    first = now.releases[-1]
    told = {"version": now.version, "release": first["release_id"], "day": _signed(first, reader)}
    said = [
        _("The figures follow version {version} of the definition, in use since release {release} "
          "({day}).", **told)
        if before
        else _("The figures follow version {version} of the definition, the only one among the "
               "releases kept here, in use since release {release} ({day}).", **told)
    ]  # fmt: skip
    gone = not_kept(reader.release)
    if gone is not None:
        said.append(_("Release {release} and those before it are no longer kept here.",
                      release=gone))  # fmt: skip
    show(subheading(_("Versions")) + f"<p>{escape(' '.join(said))}</p>")
    if before:
        _earlier(reader, now, before)


def _earlier(reader: Context, now: Edition, before: list[Edition]) -> None:
    """Earlier versions by release: what to cite for a figure taken from one of them."""
    _ = reader.translate
    rows = [
        [
            str(edition.version),
            escape(str(facts["release_id"])),
            escape(_signed(facts, reader)),
            escape(day(facts["data_to"], reader.language)),
        ]
        for edition in before
        for facts in edition.releases
    ]
    headings = [_("Version"), _("Release to cite"), _("Published"), _("Data to")]
    title = _("Releases that follow an earlier version")
    warning = _("Figures of different versions are not compared with each other.")
    changes = "".join(starmap(partial(_changes, reader), pairwise((now, *before))))
    show(table(title, headings, rows) + f"<p class='fp-small'>{escape(warning)}</p>{changes}")


def _changes(reader: Context, newer: Edition, older: Edition) -> str:
    """What a version says otherwise than the one before it, item by item."""
    _ = reader.translate
    told = zip(_items(reader, older.indicator), _items(reader, newer.indicator), strict=True)
    rows = [
        [escape(item), escape(was) or "–", escape(now) or "–"]
        for (item, was), (_same, now) in told
        if was != now
    ]
    title = _("What version {version} changed", version=newer.version)
    if not rows:
        said = _("The texts are the same; the way of counting is new.")
        return folded(title, f"<p>{escape(said)}</p>")
    headings = [_("Item"), *(_("Version {version}", version=one.version) for one in (older, newer))]
    return folded(title, table(title, headings, rows))


def _items(reader: Context, indicator: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What defines an indicator's figures, as names and texts."""
    _ = reader.translate
    sexes, ages = strata(indicator)
    return [
        (_("Indicator"), reader.text(indicator, "title")),
        (_("Definition"), reader.text(indicator, "definition")),
        (_("Numerator"), reader.text(indicator, "numerator_text")),
        (_("Denominator"), reader.text(indicator, "denominator_text")),
        (_("Unit"), reader.text(indicator, "unit_text")),
        (_("Direction"), words.polarity(indicator["polarity"], _)),
        (_("How it is computed"), ", ".join(
            words.kind(code, _) for code in indicator["value_kinds"].split(",")
        )),
        (_("Sex"), ", ".join(words.sex(code, _) for code in sexes)),
        (_("Age"), ", ".join(words.age(code, indicator, _) for code in ages)),
        (_("Rule"), reader.text(indicator, "policy_rule")),
    ]  # fmt: skip


def _signed(facts: Mapping[str, Any], reader: Context) -> str:
    """The day on which a release was signed, which its table may leave out."""
    if not facts["signed_on"]:
        _ = reader.translate
        return _("day not told")
    return day(date.fromisoformat(str(facts["signed_on"])[:10]), reader.language)
