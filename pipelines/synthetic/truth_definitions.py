"""The indicators of the truth: which measures, which ages, which coverage.

Belongs here: the table of definitions, written once more and read from no catalogue, so that a
slip there is seen. Does not belong here: measures, counting.
"""

from __future__ import annotations

import polars as pl

from pipelines.synthetic import truth_care as care
from pipelines.synthetic import truth_chronic as chronic
from pipelines.synthetic import truth_events as events
from pipelines.synthetic import truth_hospital as hospital
from pipelines.synthetic import truth_persons as states
from pipelines.synthetic import truth_primary as primary
from pipelines.synthetic import truth_quality as quality
from pipelines.synthetic.truth_definition import ADULTS, ALL_AGES, FROM_16, Definition
from pipelines.synthetic.truth_persons import World


def _home_nursing(world: World) -> pl.DataFrame:
    return states.care_users(world, states.HOME_NURSING_CODE)


def _long_stay(world: World) -> pl.DataFrame:
    return states.care_users(world, states.LONG_STAY_CODE, least_age=80)


def _structured(world: World) -> pl.DataFrame:
    return events.journal_entries(world, "structured")


def _active_staff(world: World) -> pl.DataFrame:
    return events.staff(world, active=True)


DEFINITIONS: dict[str, Definition] = {
    **hospital.DEFINITIONS,
    "ready_for_discharge_days_per_1000": Definition(
        events.waiting_days,
        states.hospital_days,
        1000,
        ADULTS,
        "hospital",
        person_time=True,
        public=True,
    ),
    "ready_for_discharge_share_of_bed_days": Definition(
        events.waiting_days, events.bed_days, 100, ADULTS, "hospital"
    ),
    "ready_for_discharge_same_day_share": Definition(
        events.same_day_episodes, events.ready_episodes, 100, ADULTS, "hospital"
    ),
    "readmission_30_days_67plus": Definition(
        events.readmissions_30d, events.index_discharges, 100, (67, 80), "hospital"
    ),
    "emergency_admissions_per_1000": Definition(
        events.emergency_stays,
        states.hospital_days,
        1000,
        ALL_AGES,
        "hospital",
        person_time=True,
        public=True,
    ),
    "home_nursing_users_per_1000": Definition(
        _home_nursing,
        states.residents,
        1000,
        ALL_AGES,
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
        states.diabetes_t2, states.gp_residents, 100, ALL_AGES, "gp", on_date=True
    ),
    "portal_active_users_share": Definition(
        states.portal_active, states.residents, 100, FROM_16, "portal", public=True
    ),
    "portal_forms_answered_share": Definition(
        events.portal_forms_answered, events.portal_forms_sent, 100, FROM_16, "portal"
    ),
    "structured_documentation_share": Definition(
        _structured, events.journal_entries, 100, (), "documentation"
    ),
    "adoption_inhabitants_share": Definition(
        states.residents_live, states.residents, 100, ALL_AGES, "none", on_date=True, public=True
    ),
    "adoption_staff_share": Definition(
        _active_staff, events.staff, 100, (), "municipal_care", on_date=True
    ),
    **quality.DEFINITIONS,
    **primary.DEFINITIONS,
    **care.DEFINITIONS,
    **chronic.DEFINITIONS,
}
