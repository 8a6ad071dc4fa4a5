"""The indicators of the truth: which measures, which ages, which coverage.

Belongs here: the table of definitions, written once more and read from no catalogue, so that a
slip there is seen. Does not belong here: measures, counting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from pipelines.synthetic import truth_events as events
from pipelines.synthetic import truth_persons as states
from pipelines.synthetic.truth_persons import World

OPEN_AGE = 199
Measure = Callable[[World], pl.DataFrame]
_ALL_AGES, _ADULTS = (0, 18, 45, 67, 80), (18, 45, 67, 80)
_FROM_16 = (16, 45, 67, 80)


@dataclass(frozen=True)
class Definition:
    """One indicator: measures, published age groups (lower bounds; empty: a flow), coverage.

    ``on_date`` indicators are covered on 31 December or not at all; the others by the share of
    the year's resident days. ``person_time``: the denominator is measured in days and counted in
    person-years. ``public``: the denominator is the public population: that of the register, or
    the journal's own count, which leaves graded persons out.
    """

    numerator: Measure
    denominator: Measure
    multiplier: int
    groups: tuple[int, ...]
    service: str
    on_date: bool = False
    person_time: bool = False
    public: bool = False


def hospital_days(world: World) -> pl.DataFrame:
    """Resident days on which hospital services are covered."""
    return states.person_days(world, "hospital")


def _home_nursing(world: World) -> pl.DataFrame:
    return states.care_users(world, states.HOME_NURSING_CODE)


def _long_stay(world: World) -> pl.DataFrame:
    return states.care_users(world, states.LONG_STAY_CODE, least_age=80)


def _structured(world: World) -> pl.DataFrame:
    return events.journal_entries(world, "structured")


def _active_staff(world: World) -> pl.DataFrame:
    return events.staff(world, active=True)


DEFINITIONS: dict[str, Definition] = {
    "ready_for_discharge_days_per_1000": Definition(
        events.waiting_days,
        hospital_days,
        1000,
        _ADULTS,
        "hospital",
        person_time=True,
        public=True,
    ),
    "ready_for_discharge_share_of_bed_days": Definition(
        events.waiting_days, events.bed_days, 100, _ADULTS, "hospital"
    ),
    "ready_for_discharge_same_day_share": Definition(
        events.same_day_episodes, events.ready_episodes, 100, _ADULTS, "hospital"
    ),
    "readmission_30_days_67plus": Definition(
        events.readmissions_30d, events.index_discharges, 100, (67, 80), "hospital"
    ),
    "emergency_admissions_per_1000": Definition(
        events.emergency_stays,
        hospital_days,
        1000,
        _ALL_AGES,
        "hospital",
        person_time=True,
        public=True,
    ),
    "home_nursing_users_per_1000": Definition(
        _home_nursing,
        states.residents,
        1000,
        _ALL_AGES,
        "municipal_care",
        on_date=True,
        public=True,
    ),
    "home_nursing_users_80plus_share": Definition(
        _home_nursing, states.residents, 100, (80,), "municipal_care", on_date=True, public=True
    ),
    "long_stay_residents_80plus_per_1000": Definition(
        _long_stay, states.residents, 1000, (80,), "municipal_care", on_date=True, public=True
    ),
    "diabetes_type2_prevalence": Definition(
        states.diabetes_t2, states.gp_residents, 100, _ALL_AGES, "gp", on_date=True
    ),
    "portal_active_users_share": Definition(
        states.portal_active, states.residents, 100, _FROM_16, "portal", public=True
    ),
    "portal_forms_answered_share": Definition(
        events.portal_forms_answered, events.portal_forms_sent, 100, _FROM_16, "portal"
    ),
    "structured_documentation_share": Definition(
        _structured, events.journal_entries, 100, (), "documentation"
    ),
    "adoption_inhabitants_share": Definition(
        states.residents_live, states.residents, 100, _ALL_AGES, "none", on_date=True, public=True
    ),
    "adoption_staff_share": Definition(
        _active_staff, events.staff, 100, (), "municipal_care", on_date=True
    ),
}


def age_groups(definition: Definition) -> list[tuple[str, int, int]]:
    """Label, least and greatest age of ``total`` and of each published group."""
    low = min(definition.groups, default=0)
    groups = [("total", low, OPEN_AGE)]
    if len(definition.groups) > 1:
        for start, after in zip(definition.groups, [*definition.groups[1:], None], strict=True):
            label = f"{start}+" if after is None else f"{start}-{after - 1}"
            groups.append((label, start, OPEN_AGE if after is None else after - 1))
    return groups
