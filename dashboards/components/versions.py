"""Which version of its definition an indicator's figures follow, since when, and which before.

Belongs here: the part of the definition tab on versions. Does not belong here: finding them
(``past_releases``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from html import escape
from typing import Any

from dashboards.components import folded, show, subheading, table
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
    texts = "".join(
        folded(
            _("The definition in version {version}", version=edition.version),
            f"<p>{escape(reader.text(edition.indicator, 'definition'))}</p>",
        )
        for edition in before
        if reader.text(edition.indicator, "definition") != reader.text(now.indicator, "definition")
    )
    show(table(title, headings, rows) + f"<p class='fp-small'>{escape(warning)}</p>{texts}")


def _signed(facts: Mapping[str, Any], reader: Context) -> str:
    """The day on which a release was signed, which its table may leave out."""
    if not facts["signed_on"]:
        _ = reader.translate
        return _("day not told")
    return day(date.fromisoformat(str(facts["signed_on"])[:10]), reader.language)
