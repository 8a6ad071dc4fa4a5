"""Everything that a whole region holds beside what the first indicators need.

Belongs here: the order in which the parts are drawn, and joining their rows to those of the
region. Does not belong here: the parts. Each has random streams of its own, so that what a region
held before stays as it was.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from pipelines.synthetic.claims import gp_claims, out_of_hours_claims
from pipelines.synthetic.clinical import Ill, add_clinical
from pipelines.synthetic.days import Ints, off_changing_hours
from pipelines.synthetic.decisions import bed_episodes, capacity_frame, decision_frame
from pipelines.synthetic.diagnoses import condition_rows, prescription_rows
from pipelines.synthetic.follow_up import with_follow_up
from pipelines.synthetic.go_live import migration_frame, with_training, worklist_frame
from pipelines.synthetic.health_station import child_frame
from pipelines.synthetic.hospital_codes import external_causes, hospital_diagnoses
from pipelines.synthetic.listed import Basis
from pipelines.synthetic.measurements import gp_observations, hospital_observations
from pipelines.synthetic.medication import chronic_prescriptions
from pipelines.synthetic.model import Progress, Region, timed
from pipelines.synthetic.nursing import observation_frame, procedure_frame
from pipelines.synthetic.primary_care import Records
from pipelines.synthetic.queries import extra_messages
from pipelines.synthetic.vaccination import immunization_frame
from pipelines.synthetic.welfare_technology import technology_episodes

ADDED = ("diseases", "services and beds")
"""Further steps of a whole region, as progress names them."""


def whole_region(region: Region, basis: Basis, progress: Progress) -> Region:
    """Add all that a whole region holds.

    Args:
        region: The region so far.
        basis: Persons, places and offices that it was drawn from.
        progress: Called after each step.

    Returns:
        The region with ``more`` and ``yearly``, with further conditions, prescriptions, care
        episodes and the training of staff, and with messages that come late or early.
    """
    with timed(progress, ADDED[0]) as step:
        conditions, prescriptions, ill = _recorded(region, basis)
        step.rows = conditions.height + prescriptions.height
        conditions = pl.concat([region.conditions, conditions])
        prescriptions = pl.concat([region.prescriptions, prescriptions])
    diabetic = _diabetic(conditions)
    with timed(progress, ADDED[1]) as step:
        more = _frames(region, basis, ill, diabetic)
        beds = bed_episodes(basis, region.care_episodes)
        number = region.care_episodes.height + beds.height
        technology = technology_episodes(basis, region.care_episodes, number)
        added = beds.height + technology.height
        step.rows = added + sum(frame.height for frame in more.values())
    episodes = pl.concat([region.care_episodes, beds, technology])
    return replace(
        region,
        messages=with_follow_up(basis, region.encounters, region.messages),
        conditions=conditions,
        prescriptions=prescriptions,
        care_episodes=episodes,
        staff=with_training(basis, region.staff),
        journal_entries=_off_changing_nights(region.journal_entries),
        more=more,
        yearly={
            "claims": gp_claims(basis),
            "out_of_hours": out_of_hours_claims(basis),
            "gp_observations": gp_observations(basis, diabetic, ill.hypertension),
            "hospital_observations": hospital_observations(basis, region.encounters),
            "chronic_prescriptions": chronic_prescriptions(basis),
        },
    )


def _off_changing_nights(entries: pl.DataFrame) -> pl.DataFrame:
    """No event in the hours of a night that the clock skips or repeats.

    A table tells local time without offset, and must say the same as a line that has one.
    """
    days = entries["recorded_on"].cast(pl.Int32).to_numpy().astype(np.int64)
    changing = off_changing_hours(days, np.zeros(days.size, dtype=np.int64)) > 0
    early = pl.lit(pl.Series(changing)) & (
        pl.col("recorded_minute") - pl.col("delay_minutes") < 180
    )
    return entries.with_columns(
        pl.when(early)
        .then(pl.col("recorded_minute") - 180)
        .otherwise("delay_minutes")
        .alias("delay_minutes")
    )


def _recorded(region: Region, basis: Basis) -> tuple[pl.DataFrame, pl.DataFrame, Ill]:
    rng = basis.settings.rng("clinical records")
    conditions = Records(basis.settings, basis.spells, basis.offices, rng)
    drugs = Records(basis.settings, basis.spells, basis.offices, rng)
    ill = add_clinical(basis, region.care_episodes, conditions, drugs)
    settings = basis.settings
    return (
        condition_rows(
            settings, conditions, settings.rng("clinical conditions"), region.conditions.height
        ),
        prescription_rows(
            settings, drugs, settings.rng("clinical prescriptions"), region.prescriptions.height
        ),
        ill,
    )


def _diabetic(conditions: pl.DataFrame) -> Ints:
    code = pl.col("code")
    known = conditions.filter((code == "T90") | (code == "T89") | code.str.starts_with("E11"))
    return np.asarray(known["person"].unique().sort().to_numpy(), dtype=np.int64)


def _frames(region: Region, basis: Basis, ill: Ill, diabetic: Ints) -> dict[str, pl.DataFrame]:
    episodes, encounters = region.care_episodes, region.encounters
    return {
        "hospital_diagnoses": hospital_diagnoses(basis, encounters),
        "external_causes": external_causes(basis, encounters),
        "extra_messages": extra_messages(basis, encounters, region.messages),
        "municipal_observations": observation_frame(basis, episodes),
        "child_observations": child_frame(basis),
        "procedures": procedure_frame(basis, episodes),
        "care_decisions": decision_frame(basis, episodes),
        "bed_capacity": capacity_frame(basis, episodes),
        "immunizations": immunization_frame(basis, ill, diabetic),
        "worklists": worklist_frame(basis, region.staff),
        "migration_counts": migration_frame(basis, episodes),
    }
