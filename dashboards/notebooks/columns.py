"""What the columns of the published and the k-anonymous tables mean.

Belongs here: one English sentence per column name; translations are in ``locale/``. Does not
belong here: what an indicator means (its texts come with the release).
"""

from __future__ import annotations

import re

_LANGUAGE = re.compile(r"_(nb|nn|en)$")


def _(message: str) -> str:
    """Mark a message for translation."""
    return message


MEANINGS: dict[str, str] = {
    "indicator_id": _("Name of the indicator, the same in all tables."),
    "indicator_version": _("Version of its definition."),
    "area_level": _("Whether the area is a municipality, a group of them or the region."),
    "area_code": _("Municipality number, or the code of the region; * means all areas."),
    "border_set": _("Year of the municipal borders: 2020 to the end of 2023, then 2024."),
    "sex": _("female, male; total or * for both."),
    "age_group": _("Age reached at the end of the year, in years; total is all ages covered."),
    "breakdown": _("Another division than age and sex; total where there is none."),
    "breakdown_value": _("Part of the breakdown."),
    "period_type": _("Length of the period."),
    "period_start": _("First day of the period; empty means all periods."),
    "period_end": _("Last day of the period."),
    "value_kind": _("crude, directly standardised (to Europe 2013 or the region) or indirect."),
    "numerator": _("What was counted; empty where it is not shown."),
    "denominator": _("What it is counted among; empty where it is not shown."),
    "value": _("The figure in its unit; empty unless value_status is ok."),
    "lower_ci": _("Lower limit of the 95 per cent interval."),
    "upper_ci": _("Upper limit of the 95 per cent interval."),
    "unit": _("Unit of the value."),
    "value_status": _("Whether there is a figure, and if not, which of the kinds of none."),
    "status_reason": _("Why there is no figure."),
    "merged_group_id": _("Group of areas that is shown as one."),
    "quality_flags": _("Codes of what a reader should know, separated by commas."),
    "covered_share": _("Share of the population that the sources cover, 0 to 1."),
    "release_id": _("Release that the row belongs to."),
    "number": _("Place of the indicator in lists."),
    "theme": _("Theme of the indicator."),
    "statutory_heading": _("Heading in the public health regulation."),
    "key_figure": _("Whether the indicator stands in the barometer of a municipality's profile."),
    "multiplier": _("What a ratio is multiplied by: 100 for shares, 1000 for rates."),
    "decimals": _("Decimals that are published."),
    "polarity": _("Whether a high or a low value is good."),
    "headline_kind": _("Kind of value that is shown first."),
    "value_kinds": _("Kinds of value that are published, separated by commas."),
    "age_min": _("Lowest age that the indicator covers, in years."),
    "age_max": _("Highest age that the indicator covers, in years; empty or 199 is no limit."),
    "age_groups": _("Age groups that are published, separated by commas."),
    "coverage_service": _("Service whose start bounds what can be counted."),
    "policy_id": _("Rules of disclosure control that apply."),
    "policy_rule": _("These rules in words."),
    "threshold": _("Least number of persons behind a figure."),
    "public_denominator": _("Whether anyone can look the denominator up."),
    "has_strata": _("Whether it is divided by sex and age."),
    "title": _("Title."),
    "short_title": _("Short title."),
    "unit_text": _("Unit in words."),
    "definition": _("Definition."),
    "numerator_text": _("Numerator in words."),
    "denominator_text": _("Denominator in words."),
    "why": _("Why it matters."),
    "reading": _("How a figure reads as a sentence."),
    "comparable_to": _("Official statistics it can be held against."),
    "counted_by": _("What decides the number, as JSON: measures, ages, codes, parameters."),
    "name": _("Name of the area."),
    "official_name": _("Official name, in all its languages."),
    "county": _("County."),
    "valid_from": _("First day it holds; empty is from the beginning."),
    "valid_to": _("Last day it holds; empty is still."),
    "lat": _("Latitude, in degrees."),
    "lon": _("Longitude, in degrees."),
    "tile_row": _("Row on the tile map."),
    "tile_col": _("Column on the tile map."),
    "language": _("Norwegian written language of the municipality."),
    "population": _("Latest population, in persons."),
    "go_live_on": _("Day the municipality started with the common journal."),
    "go_live_certainty": _("How certain that day is."),
    "service": _("Service that the row is about."),
    "share": _("Share of the service that is covered, 0 to 1."),
    "status": _("live or planned."),
    "certainty": _("Whether the date is confirmed, assumed or planned."),
    "calendar_version": _("Version of the calendar of go-lives."),
    "caveat_id": _("Name of the caveat."),
    "text": _("Text."),
    "break_on": _("Day of the break in the series."),
    "kind": _("What broke the series: go-live, borders or definition."),
    "rank": _("Place among the areas compared, 1 is the highest value."),
    "rank_of": _("Number of areas compared."),
    "versus_region": _("Higher, lower or similar to the region, by the intervals."),
    "region_value": _("Value of the region."),
    "funnel_lower_95": _("Lower 95 per cent limit of the funnel."),
    "funnel_upper_95": _("Upper 95 per cent limit of the funnel."),
    "funnel_lower_998": _("Lower 99.8 per cent limit of the funnel."),
    "funnel_upper_998": _("Upper 99.8 per cent limit of the funnel."),
    "peer_group": _("Municipalities of a like kind."),
    "peer_count": _("How many of them have a shown value."),
    "peer_median": _("Median of their shown values."),
    "on_date": _("Day on which persons are counted."),
    "age_from": _("First year of age of the group."),
    "group_kind": _("What the municipalities of a group have in common."),
    "kind_text": _("That in words."),
    "group_id": _("Name of the group, the same for all its members."),
    "label": _("Name of the group of areas."),
    "data_from": _("First day of data."),
    "data_to": _("Last day of data."),
    "transaction_time": _("When the latest delivery was made."),
    "synthetic": _("Whether the figures are made up."),
    "signed_by": _("Who approved the release."),
    "signed_on": _("When it was approved."),
    "sign_reason": _("Why it was approved."),
    "code_version": _("Version of the software."),
    "supersedes": _("Release that it replaces."),
    "licence": _("Licence."),
    "contact": _("Whom to ask."),
    "person_year_key": _("Pseudonym of a person in one year; it cannot be joined across years."),
    "year": _("Calendar year."),
    "municipality_code": _(
        "Municipality of residence at the end of the year, or its county; * is anywhere."
    ),
    "age": _("Age at the end of the year, or an age group; 105 is 105 or more, * is all ages."),
    "diabetes": _("Has type 2 diabetes by the indicator's definition."),
    "asthma": _("Has asthma by the indicator's definition."),
    "copd": _("Has COPD by the indicator's definition."),
    "dementia": _("Has dementia by the indicator's definition."),
    "home_nursing": _("Has home nursing at the end of the year."),
    "portal_active": _("Has used the citizen portal in the year."),
    "long_stay": _("Lives in an institution at the end of the year; * is not told."),
    "emergency_stays": _("Emergency hospital stays in the year; 3 is three or more."),
    "gp_contacts": _("Contacts with a GP in the year; 6 is six or more."),
    "out_of_hours_contacts": _("Contacts with an out-of-hours clinic in the year; 3 is 3 or more."),
    "need_level": _("The year's last function score, 1 (none) to 5 (most); 0 is not scored."),
}


def meaning(column: str) -> str:
    """What a column means, in English; empty for a column that is not known.

    A text column has one form per language (``title_nb``), all with the meaning of its stem.
    """
    return MEANINGS.get(column) or MEANINGS.get(_LANGUAGE.sub("", column), "")
