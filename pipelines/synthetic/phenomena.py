"""How often each phenomenon stands in what a region delivers, for tests to count against.

Belongs here: counting by year and municipality, from the tables alone. Does not belong here:
indicators (``truth``), what befalls the journal (``phenomena_life``).

Everybody counts here, the reserved and the graded too: these are counts of what is delivered, not
figures. Rows entered in error count only under ``entered_in_error``.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pipelines.synthetic.health_station import BODY_MASS, CHECK, FEEDING
from pipelines.synthetic.model import Region
from pipelines.synthetic.phenomena_life import life_counts
from pipelines.synthetic.phenomena_tools import SCHEMA, count, sound

_AIRWAY = ("R05", "R72", "R74", "R75", "R76", "R78", "R81", "H71")
_SENSITIVE = ("J44", "J45", "I50", "E10", "E11", "E12", "E13", "E14", "N10", "N12", "N390", "L03")
_HIP = ("S720", "S721", "S722")
_DEMENTIA = ("P70", "F00", "F01", "F02", "F03", "G30")
_CHAPTERS = {
    "hypertension": ("K86", "K87", "I10", "I11"),
    "copd": ("R95", "J44"),
    "asthma": ("R96", "J45"),
    "dementia": _DEMENTIA,
    "mental": ("P0", "P1", "P2", "P7", "P8", "P9"),
    "musculoskeletal": ("L",),
    "diabetes": ("T90", "E11"),
}


def phenomena(region: Region) -> pl.DataFrame:
    """Count every phenomenon of a region.

    Args:
        region: The region; one that is not whole has few.

    Returns:
        phenomenon, year, area_code (null where the place plays no part), count; in order.
    """
    parts = [*_residence(region), *_journal(region)]
    if region.settings.whole:
        parts += [*_hospital(region), *_municipal(region), *_go_live(region)]
        parts += [*_general_practice(region), *_yearly(region)]
    parts += life_counts(region)
    counted = pl.concat(parts) if parts else pl.DataFrame(schema=SCHEMA)
    inside = pl.col("year").is_in(list(region.settings.window))
    return counted.filter(inside).sort("phenomenon", "year", "area_code", nulls_last=True)


def _residence(region: Region) -> Iterator[pl.DataFrame]:
    yield count("births", region.persons, "birth_date")
    yield count("deaths", region.persons.drop_nulls("death_date"), "death_date")
    moved = region.residence.with_columns(
        pl.col("place").shift(1).over("person", order_by="valid_from").alias("before")
    ).filter(pl.col("before") != pl.col("place"))
    yield count("moves", moved, "valid_from", "municipality_code")


def _journal(region: Region) -> Iterator[pl.DataFrame]:
    entries = region.journal_entries.filter(pl.col("status") == "current")
    on, here = "recorded_on", "municipality_code"
    yield count("journal_entries", entries, on, here)
    yield count("structured_entries", entries.filter(pl.col("form") == "structured"), on, here)
    for device in ("mobile", "workstation"):
        made = entries.filter(pl.col("device") == device)
        yield count(f"entries_{device}", made, on, here)
        soon = made.filter(pl.col("delay_minutes") <= 60)
        yield count(f"entries_{device}_within_hour", soon, on, here)
    yield count("portal_sessions", region.portal_sessions, "session_on")
    for name, status, on in (
        ("encounters", "status", "started_on"),
        ("conditions", "verification_status", "recorded_on"),
        ("prescriptions", "status", "authored_on"),
        ("journal_entries", "status", "recorded_on"),
    ):
        frame: pl.DataFrame = getattr(region, name)
        wrong = frame.filter(pl.col(status) == "entered-in-error")
        yield count(f"entered_in_error_{name}", wrong, on)


def _hospital(region: Region) -> Iterator[pl.DataFrame]:
    stays = region.encounters.filter(
        pl.col("class_code") == "IMP", ~pl.col("status").is_in(["cancelled", "entered-in-error"])
    ).select("encounter", "started_on", "priority_code", "municipality_of_stay")
    yield count("emergency_stays", stays.filter(pl.col("priority_code") == "EM"), "started_on",
                "municipality_of_stay")  # fmt: skip
    coded = region.more["hospital_diagnoses"].filter(
        pl.col("verification_status") == "confirmed"
    ).join(stays, on="encounter")  # fmt: skip
    acute = coded.filter(pl.col("main") & (pl.col("priority_code") == "EM"))
    for name, codes in (("avoidable_stays", _SENSITIVE), ("hip_fracture_stays", _HIP)):
        some = acute.filter(pl.any_horizontal(pl.col("code").str.starts_with(c) for c in codes))
        yield count(name, some, "started_on", "municipality_of_stay")
    extra = region.more["extra_messages"]
    on, here = "sent_on", "municipality_code"
    sent = extra.filter(pl.col("status") == "completed")
    yield count("queries", sent.filter(pl.col("message_type") == "foresporsel"), on, here)
    yield count("answers", sent.filter(pl.col("message_type") == "svar-foresporsel"), on, here)
    yield count("messages_rejected", extra.filter(pl.col("status") == "not-done"), on, here)
    yield count("first_messages", extra.filter(pl.col("encounter").is_null()), on, here)


def _municipal(region: Region) -> Iterator[pl.DataFrame]:
    here = "municipality_code"
    observed = sound(region.more["municipal_observations"])
    for code in ("nutrition_screening", "fall", "function_score"):
        yield count(code, observed.filter(pl.col("code") == code), "observed_on", here)
    need = observed.filter(pl.col("code") == "function_score", pl.col("value").is_between(3, 5))
    yield count("function_score_with_need", need, "observed_on", here)
    children = sound(region.more["child_observations"])
    for code, name in ((CHECK, CHECK), (FEEDING, FEEDING), (BODY_MASS, "body_mass_at_eight")):
        yield count(name, children.filter(pl.col("code") == code), "observed_on", here)
    done = sound(region.more["procedures"])
    for code in ("medication_review", "physician_assessment", "dental_assessment"):
        yield count(code, done.filter(pl.col("code") == code), "performed_on", here)
    december = done.filter(
        pl.col("code") == "medication_review", pl.col("performed_on").dt.month() == 12
    )
    yield count("medication_review_in_december", december, "performed_on", here)
    decided = sound(region.more["care_decisions"]).filter(pl.col("status") != "revoked")
    yield count("care_decisions", decided, "decided_on", here)
    wait = (pl.col("first_service_on") - pl.col("decided_on")).dt.total_days()
    yield count("care_decisions_within_week", decided.filter(wait <= 7), "decided_on", here)
    waiting = decided.filter(
        pl.col("first_service_on").is_null(), pl.col("service_type_code") == "21"
    )
    yield count("waiting_for_nursing_home", waiting, "decided_on", here)
    beds = sound(region.care_episodes).filter(pl.col("service_type_code") == "25")
    yield count("municipal_emergency_beds", beds, "start_on", here)
    yield count("bed_units", region.more["bed_capacity"], "valid_from", here)


def _go_live(region: Region) -> Iterator[pl.DataFrame]:
    here = "municipality_code"
    items = sound(region.more["worklists"])
    yield count("worklist_items", items, "sent_on", here)
    late = pl.col("answered_on").is_null() | (pl.col("answered_on") > pl.col("contact_on"))
    yield count("worklist_items_late_or_open", items.filter(late), "sent_on", here)
    trained = region.staff.drop_nulls("trained_on")
    yield count("staff_trained", trained, "trained_on", here)
    moved = region.more["migration_counts"]
    yield count("migration_counts", moved, "counted_on", here)
    lost = moved.filter(pl.col("received") < pl.col("confirmed"))
    yield count("migration_counts_short", lost, "counted_on", here)


def _general_practice(region: Region) -> Iterator[pl.DataFrame]:
    confirmed = region.conditions.filter(pl.col("verification_status") == "confirmed")
    for name, codes in _CHAPTERS.items():
        some = confirmed.filter(pl.any_horizontal(pl.col("code").str.starts_with(c) for c in codes))
        yield count(f"{name}_contacts", some, "recorded_on")
    airway = confirmed.filter(pl.col("code").is_in(list(_AIRWAY)))
    yield count("airway_contacts", airway, "recorded_on")
    drugs = sound(region.prescriptions)
    days = airway.select("person", pl.col("recorded_on").alias("authored_on")).unique()
    given = drugs.filter(pl.col("atc_code").str.starts_with("J01")).join(
        days, on=["person", "authored_on"], how="semi"
    )
    yield count("airway_antibiotics", given, "authored_on")
    narrow = given.filter(pl.col("atc_code") == "J01CE02")
    yield count("airway_antibiotics_narrow", narrow, "authored_on")
    demented = confirmed.filter(
        pl.any_horizontal(pl.col("code").str.starts_with(c) for c in _DEMENTIA)
    )
    calming = drugs.filter(pl.col("atc_code").str.starts_with("N05A")).join(
        demented, on="person", how="semi"
    )
    yield count("antipsychotics_in_dementia", calming, "authored_on")
    given_on = "given_on"
    doses = region.more["immunizations"].filter(pl.col("status") == "completed")
    yield count("mmr_doses", doses.filter(pl.col("vaccine_code") == "J07BD52"), given_on)
    yield count("influenza_doses", doses.filter(pl.col("vaccine_code") == "J07BB02"), given_on)


def _yearly(region: Region) -> Iterator[pl.DataFrame]:
    """What is made a year at a time, and counted so."""
    for year in region.settings.window:
        claims = sound(region.yearly["claims"](year))
        yield count("gp_claims", claims, "billed_on")
        digital = claims.filter(pl.col("contact_type") == "digital")
        yield count("gp_claims_digital", digital, "billed_on")
        contacts = sound(region.yearly["out_of_hours"](year))
        yield count("out_of_hours_claims", contacts, "billed_on", "municipality_code")
        measured = sound(region.yearly["gp_observations"](year))
        yield count("hba1c", measured.filter(pl.col("code") == "NPU27300"), "observed_on")
        yield count("blood_pressures", measured.drop_nulls("systolic"), "observed_on")
        yield count("hospital_analyses", region.yearly["hospital_observations"](year),
                    "observed_on")  # fmt: skip
        drugs = sound(region.yearly["chronic_prescriptions"](year))
        yield count("chronic_prescriptions", drugs, "authored_on")
        recent = drugs.filter(pl.col("authored_on") > pl.date(year, 9, 2))
        many = recent.group_by("person").agg(
            pl.col("atc_code").n_unique(), pl.col("authored_on").max()
        )
        yield count(
            "ten_chronic_drugs_in_120_days", many.filter(pl.col("atc_code") >= 10), "authored_on"
        )
