"""How an indicator is counted and protected, for those who want to know.

Belongs here: the definition tab. Does not belong here: the texts (they come with the release).
"""

from __future__ import annotations

from html import escape

import polars as pl

from dashboards import words
from dashboards.components import definition_list, show, subheading
from dashboards.components.versions import versions
from dashboards.session import Context


def definition(reader: Context, indicator_id: str) -> None:
    """Everything that the release says about an indicator."""
    _ = reader.translate
    release = reader.release
    indicator = release.indicator(indicator_id)
    sexless = _("The same for women and men is not published.")
    pairs = [
        (_("Definition"), reader.text(indicator, "definition")),
        (_("Numerator"), reader.text(indicator, "numerator_text")),
        (_("Denominator"), reader.text(indicator, "denominator_text")),
        (_("Why it matters"), reader.text(indicator, "why")),
        (_("Unit"), reader.text(indicator, "unit_text")),
        (_("Direction"), words.polarity(indicator["polarity"], _)),
        (_("Sex"), "" if indicator["has_strata"] else sexless),
    ]
    show(definition_list(pairs))
    show(subheading(_("How it is computed")))
    kinds = indicator["value_kinds"].split(",")
    show(definition_list([(words.kind(k, _), words.kind_explained(k, _)) for k in kinds]))
    show(subheading(_("Privacy")))
    public = (
        _("The denominator is a public fact, such as the number of inhabitants.")
        if indicator["public_denominator"]
        else _("The denominator is itself protected.")
    )
    pairs = [
        (_("Rule"), reader.text(indicator, "policy_rule")),
        (_("Policy"), str(indicator["policy_id"])),
        (_("Denominator"), public),
    ]
    show(definition_list(pairs))
    versions(reader, indicator_id)
    _source(reader, indicator_id)


def _source(reader: Context, indicator_id: str) -> None:
    _ = reader.translate
    release = reader.release
    indicator = release.indicator(indicator_id)
    show(subheading(_("Source")))
    pairs = [
        (_("Data"), _("Extracts from the shared journal Helseplattformen and the population "
                      "register, counted by the owner of this page.")),
        (_("Heading in the public health overview"),
         words.heading(indicator["statutory_heading"], _)),
        (_("Comparable with"), str(indicator["comparable_to"] or "")),
        (_("Identifier and version"),
         f"{indicator_id}, {indicator['indicator_version']}"),
        (_("Release"), release.id),
        (_("Contact"), str(release.facts["contact"] or "")),
    ]  # fmt: skip
    show(definition_list(pairs))
    caveats = release.tables["caveats"].filter(
        pl.col("indicator_id") == indicator_id, pl.col("area_code") == "*"
    )
    texts = caveats[f"text_{reader.language}"].unique(maintain_order=True).to_list()
    if texts:
        items = "".join(f"<li>{escape(text)}</li>" for text in texts)
        show(subheading(_("Mind this")) + f"<ul class='fp-list'>{items}</ul>")
