"""About the figures: where they come from, how they are protected, how to read the signs.

Belongs here: method in plain words. Does not belong here: definitions of single indicators.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import polars as pl

from dashboards import remarks, words
from dashboards.components import definition_list, show
from dashboards.data_access import Release
from dashboards.figures import NO_FIGURE
from dashboards.session import Context, context
from dashboards.text import Translator, day, number

_DENOMINATORS = ("inhabitants_of_the_register", "graded_not_placed")
"""Caveats that tell it, by where the denominators come from."""


def render() -> None:
    """Draw the page."""
    reader = context()
    _ = reader.translate
    show(f'<div class="fp-prose"><h1>{escape(_("About the figures"))}</h1></div>')
    for heading, body in (
        (_("From journal to figure"), _zones(_)),
        (_("When there is no figure"), _statuses(_)),
        (_("How figures are protected"), _protection(_)),
        (_("How to read a figure"), _reading(_)),
        (_("This release"), _release(reader)),
        (_("Accessibility"), _accessibility(reader)),
    ):
        show(f'<div class="fp-prose"><h2>{escape(heading)}</h2>{body}</div>')


def _paragraphs(*texts: str) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def _zones(_: Translator) -> str:
    intro = _("Data pass through five rooms with locked doors between them. This page can open "
              "the last one only.")  # fmt: skip
    return _paragraphs(intro) + definition_list(
        [
            (_("Identified"), _("Extracts as delivered. Only the intake reads them.")),
            (_("Restricted"), _("Names, national numbers and free text are gone; persons have "
                                "pseudonyms. Only the computation reads it.")),
            (_("Analysis"), _("Persons in groups of at least five alike, for analysts under "
                              "agreement. Still personal data in law.")),
            (_("Steward"), _("Checks and counts by which a data steward judges a release.")),
            (_("Published"), _("Protected figures in signed releases. What you see here.")),
        ]
    )  # fmt: skip


def _statuses(_: Translator) -> str:
    rows = []
    for code in NO_FIGURE:
        sign = words.SYMBOLS[code]
        look = f"fp-swatch fp-{code.replace('_', '-')}"
        rows.append(
            f'<li><span class="{look}" aria-hidden="true">{sign}</span>'
            f"<span>{escape(words.status_explained(code, _))}</span></li>"
        )
    zero = _("A zero is a figure: it was counted, and there was nothing.")
    flags = [(words.flag(code, _), remarks.flag_explained(code, _)) for code in remarks.FLAGS]
    return (
        f'<ul class="fp-legend fp-legend-empty">{"".join(rows)}</ul>{_paragraphs(zero)}'
        f"<h3>{escape(_('Remarks beside a figure'))}</h3>{definition_list(flags)}"
    )


def _protection(_: Translator) -> str:
    return _paragraphs(
        _("A figure is hidden when it rests on few persons: few with the event, few without it, or "
          "few in all. Then further figures are hidden, until nobody can work out a hidden one "
          "from sums and differences of those shown."),
        _("Before a release is published, a computation tries to do just that. It must find no "
          "hidden figure within a narrower range than the rules allow, or the release is refused."),
        _("What is recorded of persons with a protected address counts in the region's total "
          "only, in no municipality."),
        _("Figures about documentation must not be used to judge single employees."),
    )  # fmt: skip


def _reading(_: Translator) -> str:
    return _paragraphs(
        _("The interval (95%) says how much chance alone may have moved a figure. A wide interval "
          "means few events."),
        _("An area is called higher or lower than the region only when its interval does not hold "
          "the region's figure. The figures describe; they do not tell causes."),
        _("A municipality is covered from the day on which it, or the service in question, took "
          "Helseplattformen into use. Dates after 3 November 2023 are plans, and marked as such."),
    )  # fmt: skip


def _release(reader: Context) -> str:
    _ = reader.translate
    release, facts = reader.release, reader.release.facts
    pairs = [
        (_("Note"), _("Synthetic figures – not for planning") if release.synthetic else ""),
        (_("Release"), release.id),
        (_("Data from"), day(facts["data_from"], reader.language)),
        (_("Data to"), day(facts["data_to"], reader.language)),
        (_("Who counted the inhabitants"), _inhabitants(release, reader.language)),
        (_("Replaces"), str(facts["supersedes"] or "")),
        (_("Signed by"), ", ".join(str(facts[k]) for k in ("signed_by", "signed_on") if facts[k])),
        (_("Reason given"), remarks.reason_given(facts, _)),
        (_("Audit of hidden figures"), _audit(release.certificate, reader.language, _)),
        (_("Figures in the release"), _by_status(release.certificate, reader.language, _)),
        (_("Version of the program"), str(facts["code_version"])),
        (_("Licence"), str(facts["licence"])),
        (_("Contact"), str(facts["contact"] or "")),
    ]
    return definition_list(pairs)


def _inhabitants(release: Release, language: str) -> str:
    """What the release itself says of where its public denominators come from."""
    caveats = release.tables["caveats"]
    told = caveats.filter(pl.col("caveat_id").is_in(_DENOMINATORS))[f"text_{language}"]
    return " ".join(told.unique(maintain_order=True))


def _audit(certificate: Mapping[str, Any], language: str, _: Translator) -> str:
    """What was tried against the hidden figures; empty where the release carries no record."""
    attacks = certificate.get("attacks")
    if not attacks:
        return ""
    cells = number(certificate["cells_audited"], language)
    systems = number(certificate["systems_audited"], language)
    tried = _("{cells} counts in {systems} sets of linked tables were tried.",
              cells=cells, systems=systems)  # fmt: skip
    broken = sum(int(attack["succeeded"]) for attack in attacks)
    if broken:
        outcome = _("{n} hidden figures could be worked out.", n=number(broken, language))
    else:
        outcome = _("No hidden figure could be worked out.")
    return f"{tried} {outcome}"


def _by_status(certificate: Mapping[str, Any], language: str, _: Translator) -> str:
    """How many figures the release shows, and how many it does not show for each cause."""
    counts = certificate.get("figures_by_status", {})
    parts = []
    for code in ("ok", *NO_FIGURE):
        if counts.get(code):
            name = _("Shown") if code == "ok" else words.status(code, _)
            parts.append(f"{name}: {number(counts[code], language)}")
    return ". ".join(parts)


def _accessibility(reader: Context) -> str:
    _ = reader.translate
    items = [
        _("Every chart has a description in words and a table with the same figures."),
        _("Nothing is told by colour alone: shapes, patterns and words say the same."),
        _("All pages can be used with a keyboard, and enlarged to 400%."),
        _("Known shortcoming: a few texts of the program library are in English, such as No "
          "results where a search in a list finds nothing, and, for screen readers, the link that "
          "skips to the main content."),
    ]  # fmt: skip
    if reader.release.facts["contact"]:
        items.append(_("Tell us about obstacles through the contact above."))
    listed = "".join(f"<li>{escape(item)}</li>" for item in items)
    aim = _("The pages aim at WCAG 2.2, levels A and AA, as EN 301 549 asks of public bodies.")
    return f'{_paragraphs(aim)}<ul class="fp-list">{listed}</ul>'


if __name__ == "__main__":
    render()
