"""Seven indicators for a believable published release: their facts and their texts.

Belongs here: what ``published_release.py`` writes into the ``indicators`` table. Does not
belong here: figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

ALL_KINDS = "crude,direct_esp2013,direct_region,indirect"
LANGUAGES = ("nb", "nn", "en")


@dataclass(frozen=True)
class Fact:
    """One indicator: what its figures look like (``level`` is the region's value in its unit)."""

    id: str
    number: int
    theme: str
    unit: str
    multiplier: int
    decimals: int
    polarity: str
    headline: str
    kinds: str
    age_min: int
    groups: str
    service: str
    public_denominator: bool
    strata: bool
    level: float
    population_share: float
    titles: tuple[str, str, str]
    short: tuple[str, str, str]
    units: tuple[str, str, str]


_PER_1000 = ("per 1 000 innbyggere", "per 1 000 innbyggjarar", "per 1,000 inhabitants")
_PERCENT = ("prosent", "prosent", "per cent")
_ALL = "0-17,18-44,45-66,67-79,80+"

FACTS = (
    Fact("ready_for_discharge_days_per_1000", 1, "hospital_use", "days", 1000, 1, "lower_is_better",
         "crude", "crude,indirect", 18, "18-44,45-66,67-79,80+", "hospital", True, True, 38.0, 0.79,
         ("Utskrivningsklare døgn", "Utskrivingsklare døgn", "Ready-for-discharge bed days"),
         ("Utskrivningsklare døgn", "Utskrivingsklare døgn", "Ready-for-discharge days"),
         _PER_1000),
    Fact("readmission_30_days_67plus", 8, "hospital_use", "percent", 100, 1, "lower_is_better",
         "crude", "crude,indirect", 67, "67-79,80+", "hospital", False, True, 16.2, 0.035,
         ("Reinnleggelse innen 30 dager, 67 år og eldre", "Reinnlegging innan 30 dagar, 67 år og "
          "eldre", "Readmission within 30 days, age 67 and over"),
         ("Reinnleggelse 67+", "Reinnlegging 67+", "Readmission 67+"), _PERCENT),
    Fact("emergency_admissions_per_1000", 9, "hospital_use", "stays", 1000, 1, "lower_is_better",
         "direct_region", ALL_KINDS, 0, _ALL, "hospital", True, True, 102.0, 1.0,
         ("Øyeblikkelig hjelp-innleggelser", "Innleggingar for augeblikkeleg hjelp",
          "Emergency admissions"),
         ("Akuttinnleggelser", "Akuttinnleggingar", "Emergency admissions"), _PER_1000),
    Fact("home_nursing_users_80plus_share", 13, "municipal_care", "percent", 100, 1, "neutral",
         "crude", "crude", 80, "80+", "municipal_care", True, True, 27.4, 0.05,
         ("Andel med hjemmesykepleie, 80 år og eldre", "Del med heimesjukepleie, 80 år og eldre",
          "Share with home nursing, age 80 and over"),
         ("Hjemmesykepleie 80+", "Heimesjukepleie 80+", "Home nursing 80+"), _PERCENT),
    Fact("diabetes_type2_prevalence", 32, "chronic_disease", "percent", 100, 1, "neutral",
         "direct_region", ALL_KINDS, 0, _ALL, "gp", False, True, 5.1, 0.7,
         ("Diabetes type 2, innbyggere med fastlege på Helseplattformen",
          "Diabetes type 2, innbyggjarar med fastlege på Helseplattforma",
          "Type 2 diabetes, inhabitants whose GP uses Helseplattformen"),
         ("Diabetes type 2", "Diabetes type 2", "Type 2 diabetes"), _PERCENT),
    Fact("portal_active_users_share", 40, "digital", "percent", 100, 1, "higher_is_better",
         "direct_region", ALL_KINDS, 16, "16-44,45-66,67-79,80+", "portal", True, True, 34.0, 0.82,
         ("Innbyggere som bruker HelsaMi", "Innbyggjarar som bruker HelsaMi",
          "Inhabitants who use HelsaMi"),
         ("HelsaMi-brukere", "HelsaMi-brukarar", "HelsaMi users"), _PERCENT),
    Fact("structured_documentation_share", 41, "digital", "percent", 100, 1, "higher_is_better",
         "crude", "crude", 0, "", "documentation", False, False, 61.0, 4.0,
         ("Strukturert journalføring", "Strukturert journalføring", "Structured documentation"),
         ("Strukturert journal", "Strukturert journal", "Structured records"), _PERCENT),
)  # fmt: skip

_TEXTS = {
    "definition": (
        "{t}: antall i året delt på grunnlaget, for dem som bor i kommunen.",
        "{t}: talet i året delt på grunnlaget, for dei som bur i kommunen.",
        "{t}: the number in the year divided by the base, for those who live in the municipality.",
    ),
    "numerator_text": ("Hendelser eller personer i året.", "Hendingar eller personar i året.",
                       "Events or persons in the year."),
    "denominator_text": ("Personer eller personår som er dekket av tjenesten.",
                         "Personar eller personår som er dekte av tenesta.",
                         "Persons or person-years that the service covers."),
    "policy_rule": (
        "Tall som bygger på 1–4 personer, skjules.",
        "Tal som byggjer på 1–4 personar, blir skjulte.",
        "Figures that rest on 1–4 persons are hidden.",
    ),
    "why": ("Tallet hjelper kommunen å se behov og kapasitet i sammenheng.",
            "Talet hjelper kommunen å sjå behov og kapasitet i samanheng.",
            "The figure helps the municipality to see need and capacity together."),
    "reading": (
        "I {area} var nivået {value} i {period} (95 % intervall {lower}–{upper}), {comparison}.",
        "I {area} var nivået {value} i {period} (95 % intervall {lower}–{upper}), {comparison}.",
        "In {area} the level was {value} in {period} (95% interval {lower}–{upper}), {comparison}.",
    ),
}  # fmt: skip


def _row(fact: Fact) -> dict[str, object]:
    row: dict[str, object] = {
        "indicator_id": fact.id,
        "indicator_version": 1,
        "number": fact.number,
        "theme": fact.theme,
        "statutory_heading": "health_status",
        "key_figure": fact.number != 41,
        "unit": fact.unit,
        "multiplier": fact.multiplier,
        "decimals": fact.decimals,
        "polarity": fact.polarity,
        "headline_kind": fact.headline,
        "value_kinds": fact.kinds,
        "period_type": "year",
        "timing": "flow",
        "age_min": fact.age_min,
        "age_max": None,
        "age_groups": fact.groups,
        "coverage_service": fact.service,
        "policy_id": "default",
        "threshold": 5,
        "public_denominator": fact.public_denominator,
        "has_strata": fact.strata,
        "comparable_to": "SSB 12003" if fact.number == 13 else None,
        "counted_by": "{}",
    }
    for position, language in enumerate(LANGUAGES):
        row[f"title_{language}"] = fact.titles[position]
        row[f"short_title_{language}"] = fact.short[position]
        row[f"unit_text_{language}"] = fact.units[position]
        for field, texts in _TEXTS.items():
            filled = texts[position].replace("{t}", fact.titles[position])
            row[f"{field}_{language}"] = filled
    return row


def indicators() -> pl.DataFrame:
    """The ``indicators`` table: one row per indicator."""
    return pl.DataFrame(
        [_row(fact) for fact in FACTS],
        schema_overrides={"age_max": pl.Int64, "comparable_to": pl.String},
    )
