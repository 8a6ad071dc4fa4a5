"""A whole region: nothing that was there moves, every phenomenon is there, and looks believable."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import polars as pl
import pytest

from pipelines.synthetic import Region, SyntheticSettings, generate_tables, phenomena, write_extract
from pipelines.synthetic import parameters as par
from tests.support.delivered_lines import Resource, deliveries, extension, latest

SETTINGS = SyntheticSettings(scale=0.012, whole=True)
D = dt.date


@pytest.fixture(scope="module")
def region() -> Region:
    return generate_tables(SETTINGS)


@pytest.fixture(scope="module")
def counted(region: Region) -> pl.DataFrame:
    return phenomena(region)


@pytest.fixture(scope="module")
def sent(region: Region, tmp_path_factory: pytest.TempPathFactory) -> dict:
    inbox = tmp_path_factory.mktemp("inbox")
    write_extract(region, inbox)
    told = {"Encounter", "Condition", "Communication", "Observation", "Claim", "Procedure", "Task",
            "ServiceRequest", "MeasureReport"}  # fmt: skip
    # Of the laboratory only HbA1c.
    others = [code.encode() for code in par.LABORATORY]
    return deliveries(inbox / "synthetic", told, others)


def of(counted: pl.DataFrame, phenomenon: str) -> dict[tuple[int, str | None], int]:
    rows = counted.filter(pl.col("phenomenon") == phenomenon)
    return {(year, area): n for year, area, n in rows.select("year", "area_code", "count").rows()}


def total(counted: pl.DataFrame, phenomenon: str) -> int:
    return sum(of(counted, phenomenon).values())


def test_what_was_there_before_stays(region: Region) -> None:
    first = generate_tables(SyntheticSettings(scale=0.012))
    for name, frame in vars(first).items():
        if not isinstance(frame, pl.DataFrame):
            continue
        now = getattr(region, name).select(frame.columns).head(frame.height)
        if name == "journal_entries":
            # Only events in the hours of a changing clock move.
            apart = (now["delay_minutes"] != frame["delay_minutes"]).sum()
            assert 0 < apart < frame.height / 200
            now, frame = now.drop("delay_minutes"), frame.drop("delay_minutes")
        if name == "messages":
            # Only the days of reports that come late and of offers that come early.
            moved = now.filter(now["sent_on"] != frame["sent_on"])
            assert 0 < moved.height < frame.height / 10
            assert set(moved["message_type"]) == {
                "tidligmelding", "innleggelsesrapport", "utskrivningsrapport", "tilbud-klart",
            }  # fmt: skip
            now, frame = (
                some.drop("sent_on", "sent_sequence", "offset_hours") for some in (now, frame)
            )
        assert now.equals(frame), name


WANTED = (
    "airway_antibiotics", "airway_antibiotics_narrow", "answers", "antipsychotics_in_dementia",
    "asthma_contacts", "avoidable_stays", "bed_units", "births", "blood_pressures",
    "body_mass_at_eight", "breastfeeding",
    "care_decisions", "care_decisions_within_week", "chronic_prescriptions", "copd_contacts",
    "deaths", "dementia_contacts", "dental_assessment", "diabetes_contacts", "emergency_stays",
    "entered_in_error_conditions", "entries_mobile", "entries_mobile_within_hour", "fall",
    "first_messages", "function_score", "function_score_with_need", "gp_claims",
    "gp_claims_digital", "graded_from_the_start", "graded_later", "hba1c", "health_check",
    "hip_fracture_stays",
    "hospital_analyses", "hypertension_contacts", "influenza_doses", "medication_review",
    "medication_review_in_december", "mental_contacts", "messages_rejected", "migration_counts",
    "migration_counts_short", "mmr_doses", "moves", "municipal_emergency_beds",
    "musculoskeletal_contacts", "nutrition_screening", "out_of_hours_claims",
    "physician_assessment", "queries", "staff_trained", "ten_chronic_drugs_in_120_days",
    "waiting_for_nursing_home", "worklist_items", "worklist_items_late_or_open",
)  # fmt: skip


@pytest.mark.parametrize("phenomenon", WANTED)
def test_every_phenomenon_is_there(phenomenon: str, counted: pl.DataFrame) -> None:
    assert total(counted, phenomenon) > 0


def municipality(resource: Resource) -> str:
    return str(extension(resource, "municipality")["code"])


COUNTS = {
    # phenomenon: entity, date, and which resources count
    "fall": ("Observation", "effectiveDateTime", lambda r: code(r) == "fall"),
    "nutrition_screening": (
        "Observation", "effectiveDateTime", lambda r: code(r) == "nutrition_screening",
    ),
    "medication_review": (
        "Procedure", "performedDateTime", lambda r: code(r) == "medication_review",
    ),
    "dental_assessment": (
        "Procedure", "performedDateTime", lambda r: code(r) == "dental_assessment",
    ),
    "worklist_items": ("Task", "authoredOn", lambda r: code(r) == "worklist_item"),
    "migration_counts": ("MeasureReport", "date", lambda r: True),
    "out_of_hours_claims": (
        "Claim", "created", lambda r: r["type"]["coding"][0]["code"] == "out_of_hours",
    ),
    "messages_rejected": ("Communication", "sent", lambda r: r["status"] == "not-done"),
    "queries": (
        "Communication", "sent",
        lambda r: r["category"][0]["coding"][0]["code"] == "foresporsel",
    ),
}  # fmt: skip


def code(resource: Resource) -> str:
    return str(resource["code"]["coding"][0]["code"])


@pytest.mark.parametrize("phenomenon", COUNTS)
def test_as_many_are_delivered_as_the_truth_says(
    phenomenon: str, counted: pl.DataFrame, sent: dict
) -> None:
    entity, date, counts = COUNTS[phenomenon]
    unsound = {"entered-in-error", "cancelled"}
    if phenomenon != "messages_rejected":
        unsound |= {"not-done"}
    found: Counter[tuple[int, str]] = Counter()
    for resource in latest(sent[entity]).values():
        if counts(resource) and resource["status"] not in unsound:
            found[int(resource[date][:4]), municipality(resource)] += 1
    inside = {key: n for key, n in found.items() if key[0] in SETTINGS.window}
    assert inside == of(counted, phenomenon)


def test_counts_by_person_are_delivered_too(counted: pl.DataFrame, sent: dict) -> None:
    claims = [r for _, r in sent["Claim"] if r["type"]["coding"][0]["code"] == "gp"]
    sound = [r for r in claims if r["status"] == "active"]
    assert len({r["id"] for r in claims}) == len(claims)
    assert len(sound) == total(counted, "gp_claims")
    inside = [
        r for _, r in sent["Observation"]
        if code(r) == "NPU27300" and r["status"] != "entered-in-error"
        and r["effectiveDateTime"] >= "2023"
    ]  # fmt: skip
    assert len(inside) == total(counted, "hba1c")
    assert all("performer" in r for r in inside)


def test_hospital_diagnoses_refer_to_delivered_stays(sent: dict) -> None:
    stays = latest(sent["Encounter"])
    of_stays = [r for _, r in sent["Condition"] if "encounter" in r]
    assert len(of_stays) > 5000
    for resource in of_stays:
        stay = stays[resource["encounter"]["reference"].removeprefix("Encounter/")]
        assert stay["subject"] == resource["subject"]
        assert "recorder" not in resource


def test_whoever_has_technology_has_home_nursing_all_the_while(region: Region) -> None:
    sound = region.care_episodes.filter(pl.col("status").is_in(["active", "finished", "on-hold"]))
    sound = sound.with_columns(pl.col("end_on").fill_null(D(9999, 1, 1)))
    technology = sound.filter(pl.col("service_type_code").is_in(["26", "28"]))
    nursing = sound.filter(pl.col("service_type_code") == "15")
    around = technology.join(nursing, on="person", suffix="_around").filter(
        pl.col("start_on_around") < pl.col("start_on"), pl.col("end_on_around") >= pl.col("end_on")
    )
    assert technology.height > 30
    assert around["episode"].n_unique() == technology.height


def test_causes_are_coded_of_emergencies_and_some_persons_come_again(region: Region) -> None:
    coded = region.more["external_causes"].join(region.encounters, on="encounter")
    emergency = (pl.col("class_code") == "EMER") | (pl.col("priority_code") == "EM")
    assert coded.select(emergency.all()).item()
    assert set(coded["code"]) == {*par.SELF_HARM_CODES, *par.OTHER_CAUSE_CODES}
    harmed = coded.filter(pl.col("code").is_in(list(par.SELF_HARM_CODES)))
    assert harmed["person"].n_unique() < harmed.height


def test_answers_refer_to_queries_and_come_after(sent: dict) -> None:
    messages = latest(sent["Communication"])
    answers = [r for r in messages.values() if "inResponseTo" in r]
    assert len(answers) > 100
    for answer in answers:
        asked = messages[answer["inResponseTo"][0]["reference"].removeprefix("Communication/")]
        assert asked["category"][0]["coding"][0]["code"] == "foresporsel"
        before, after = (dt.datetime.fromisoformat(r["sent"]) for r in (asked, answer))
        assert before < after
        assert asked["subject"] == answer["subject"]
        assert asked["sender"] != answer["sender"]


def test_a_decision_waits_until_its_service_begins(sent: dict) -> None:
    for year, resource in sent["ServiceRequest"]:
        begun = resource.get("occurrencePeriod", {}).get("start", "0000")
        assert int(begun[:4]) <= year
        assert resource["authoredOn"] <= begun or begun == "0000"
        if begun == "0000":
            assert resource["status"] != "completed"
    assert len(latest(sent["ServiceRequest"])) < len(sent["ServiceRequest"])


def test_worklist_items_are_about_nobody(sent: dict) -> None:
    items = [r for _, r in sent["Task"] if code(r) == "worklist_item"]
    assert items
    assert all("for" not in r for r in items)
    assert all("for" in r for _, r in sent["Task"] if code(r) != "worklist_item")


def near(share: float, wanted: float, within: float) -> None:
    assert share == pytest.approx(wanted, abs=within)


def test_marginals_are_those_of_the_parameters(counted: pl.DataFrame, region: Region) -> None:
    def share(part: str, whole: str) -> float:
        return total(counted, part) / total(counted, whole)

    near(share("airway_antibiotics_narrow", "airway_antibiotics"), 0.69, 0.06)
    near(share("airway_antibiotics", "airway_contacts"), par.ANTIBIOTIC_SHARE * 0.6, 0.12)
    near(share("answers", "queries"), par.QUERY_ANSWERED, 0.06)
    near(share("care_decisions_within_week", "care_decisions"), par.DECIDED_WITHIN_WEEK, 0.05)
    near(share("gp_claims_digital", "gp_claims"), 0.28, 0.04)
    structured = par.FUNCTION_SCORES["15"]
    near(share("function_score_with_need", "function_score"), sum(structured[2:5]), 0.15)
    assert share("medication_review_in_december", "medication_review") > 1.6 / 12
    # On a mobile device more is written at once.
    mobile = share("entries_mobile_within_hour", "entries_mobile")
    fixed = share("entries_workstation_within_hour", "entries_workstation")
    near(mobile, 0.96, 0.02)
    near(fixed, 0.47, 0.03)
    # A code that the background, which knows no season, does not have.
    winter = region.conditions.filter(pl.col("code") == "R78")["recorded_on"].dt.month()
    assert winter.is_in([12, 1, 2]).sum() > 1.5 * winter.is_in([6, 7, 8]).sum()


def test_levels_are_those_of_the_parameters(region: Region) -> None:
    measured = region.yearly["gp_observations"](2025)
    ill = region.conditions.filter(pl.col("code") == "T90")["person"].unique()
    sugar = measured.filter(pl.col("code") == "NPU27300")
    of_ill = sugar.filter(pl.col("person").is_in(ill.implode()))["value"]
    near(float(of_ill.mean()), par.HBA1C_MEAN, 2.0)
    near(float(of_ill.std()), par.HBA1C_SD, 2.5)
    pressure = measured.drop_nulls("systolic")
    assert pressure["value"].null_count() == pressure.height
    assert (pressure["systolic"] > pressure["diastolic"]).all()
    stays = region.more["hospital_diagnoses"].filter(pl.col("main"))
    assert stays["encounter"].n_unique() == region.encounters.height


def test_residents_fall_again_and_again(region: Region) -> None:
    falls = region.more["municipal_observations"].filter(pl.col("code") == "fall")
    per_person = falls.group_by("person").len()["len"]
    assert float(per_person.var()) > 1.3 * float(per_person.mean())


def test_beds_are_nearly_taken(region: Region) -> None:
    beds = region.more["bed_capacity"].filter(pl.col("valid_to").is_null())
    on = D(2025, 6, 1)
    stays = region.care_episodes.filter(
        pl.col("service_type_code").is_in(["18", "21"]),
        ~pl.col("status").is_in(["cancelled", "entered-in-error"]),
        pl.col("known_on") <= on,
        pl.col("end_on").is_null() | (pl.col("end_on") > on),
    )
    taken = stays.height / beds["beds"].sum()
    # A bed is whole: in so small a region many stand half empty.
    assert 0.35 < taken < 1.0
    assert set(stays["unit"]) <= set(beds["unit"])


def test_a_year_made_twice_is_the_same_in_any_order(region: Region) -> None:
    again = generate_tables(SETTINGS)
    for name, make in region.yearly.items():
        later = make(2025)
        make(2023)
        again.yearly[name](2024)
        assert again.yearly[name](2025).equals(later), name


def test_some_persons_are_seen_far_more_than_others(region: Region) -> None:
    claims = region.yearly["claims"](2025)
    per_person = claims.group_by("person").len()["len"]
    assert float(per_person.var()) > 2 * float(per_person.mean())


def test_offices_differ_in_what_they_choose(region: Region) -> None:
    given = region.prescriptions.filter(pl.col("atc_code").str.starts_with("J01"))
    narrow = given.group_by("office").agg(
        (pl.col("atc_code") == "J01CE02").mean().alias("share"), pl.len().alias("n")
    ).filter(pl.col("n") >= 30)  # fmt: skip
    assert narrow.height > 5
    mean = float(narrow["share"].mean())
    by_chance = mean * (1 - mean) * float((1 / narrow["n"]).mean())
    assert float(narrow["share"].var()) > 1.5 * by_chance


def test_dementia_rises_with_age(region: Region) -> None:
    ill = region.conditions.filter(pl.col("code") == "P70")["person"].unique()
    listed = region.yearly["claims"](2025)["person"].unique()
    persons = region.persons.filter(pl.col("person").is_in(listed.implode())).with_columns(
        pl.col("person").is_in(ill.implode()).alias("ill"),
        (2025 - pl.col("birth_date").dt.year()).alias("age"),
    )
    shares = [
        float(persons.filter(pl.col("age").is_between(low, high))["ill"].mean())
        for low, high in ((0, 59), (60, 74), (75, 84), (85, 110))
    ]
    assert shares == sorted(shares)
    assert shares[0] < 0.002
    assert shares[-1] > 0.1


def test_municipalities_differ(region: Region) -> None:
    contacts = region.yearly["out_of_hours"](2025)
    residents = region.residence.filter(pl.col("valid_to").is_null()).group_by(
        "municipality_code"
    ).len(name="residents")  # fmt: skip
    rates = (
        contacts.group_by("municipality_code")
        .len(name="contacts")
        .join(residents, on="municipality_code")
        .filter(pl.col("residents") > 300)
        .with_columns(rate=pl.col("contacts") / pl.col("residents"))
    )
    assert rates.height > 3
    assert float(rates["rate"].max()) > 1.15 * float(rates["rate"].min())
