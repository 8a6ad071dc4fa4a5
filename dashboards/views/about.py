"""About the figures: where they come from, how they are protected, how to read the signs.

Belongs here: method in plain words. Does not belong here: definitions of single indicators.
"""

from __future__ import annotations

from html import escape

from dashboards import words
from dashboards.components import definition_list, show
from dashboards.figures import NO_FIGURE
from dashboards.session import Context, context
from dashboards.text import Translator, day, number


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
        (_("Accessibility"), _accessibility(_)),
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
    for code in (*NO_FIGURE, "unreliable", "merged"):
        sign = words.SYMBOLS.get(code, "")
        look = f"fp-swatch fp-{code.replace('_', '-')}" if code in NO_FIGURE else "fp-swatch-none"
        rows.append(
            f'<li><span class="{look}" aria-hidden="true">{sign}</span>'
            f"<span>{escape(words.status_explained(code, _))}</span></li>"
        )
    zero = _("A zero is a figure: it was counted, and there was nothing.")
    return f'<ul class="fp-legend fp-legend-empty">{"".join(rows)}</ul>{_paragraphs(zero)}'


def _protection(_: Translator) -> str:
    return _paragraphs(
        _("A figure is hidden when it rests on few persons: few with the event, few without it, or "
          "few in all. Then further figures are hidden, until nobody can work out a hidden one "
          "from sums and differences of those shown."),
        _("Before a release is published, a computation tries to do just that. It must find no "
          "hidden figure within a narrower range than the rules allow, or the release is refused."),
        _("Persons with a protected address count in the region's total only, in no "
          "municipality."),
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
    audit = release.certificate.get("audit", {})
    pairs = [
        (_("Note"), _("Synthetic figures – not for planning") if release.synthetic else ""),
        (_("Release"), release.id),
        (_("Data from"), day(facts["data_from"], reader.language)),
        (_("Data to"), day(facts["data_to"], reader.language)),
        (_("Replaces"), str(facts["supersedes"] or "")),
        (_("Signed by"), ", ".join(str(facts[k]) for k in ("signed_by", "signed_on") if facts[k])),
        (_("Reason given"), str(facts["sign_reason"] or "")),
        (_("Audit of hidden figures"), _audit(audit, reader.language, _)),
        (_("Version of the program"), str(facts["code_version"])),
        (_("Licence"), str(facts["licence"])),
        (_("Contact"), str(facts["contact"] or "")),
    ]
    return definition_list(pairs)


def _audit(audit: object, language: str, _: Translator) -> str:
    """The certificate in a sentence; empty where the release carries none."""
    if not isinstance(audit, dict) or "ok" not in audit:
        return ""
    verdict = _("passed") if audit["ok"] else _("not passed")
    hidden = audit.get("hidden")
    if not isinstance(hidden, int):
        return verdict
    return _("{verdict}; {n} hidden figures tried", verdict=verdict, n=number(hidden, language))


def _accessibility(_: Translator) -> str:
    items = (
        _("Every chart has a description in words and a table with the same figures."),
        _("Nothing is told by colour alone: shapes, patterns and words say the same."),
        _("All pages can be used with a keyboard, and enlarged to 400%."),
        _("Known shortcoming: a few texts of the program library are in English for screen "
          "readers, such as the link that skips to the main content."),
        _("Tell us about obstacles through the contact above."),
    )  # fmt: skip
    listed = "".join(f"<li>{escape(item)}</li>" for item in items)
    aim = _("The pages aim at WCAG 2.2, levels A and AA, as EN 301 549 asks of public bodies.")
    return f'{_paragraphs(aim)}<ul class="fp-list">{listed}</ul>'


if __name__ == "__main__":
    render()
