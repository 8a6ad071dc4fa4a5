"""What a good delivery becomes: pseudonymised, coded rows in the restricted zone, and nothing more.

Belongs here: values of rows, places that are taken from the graded, and people whom the door
refuses. Does not belong here: entities one by one (``test_ingest_entities``), and which lines are
counted (``test_ingest_lines``).
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.catalogue.entities import load_entities, restricted_tables
from pipelines.catalogue.reasons import load_reasons
from pipelines.catalogue.sources import load_sources
from pipelines.ingest import ensure_schemas
from pipelines.ingest.ledger import read_ledger
from pipelines.settings import Zones
from tests.support.deliveries import (
    NO_BASIS,
    address,
    condition,
    encounter,
    episode,
    national_number,
    patient,
    pseudonym,
    rows,
    take,
    tree,
    write_delivery,
)
from tests.support.yearly_deliveries import PERSONS, yearly_deliveries


def test_a_patient_becomes_pseudonymised_coded_rows(zones: Zones) -> None:
    newborn = patient(1, deceasedDateTime="2024-05-01T23:30:00Z", gender="female")
    take(zones, write_delivery(zones.inbox, "p1", {"Patient-1.ndjson": [newborn]}, **PERSONS))
    time = dt.datetime(2025, 1, 5, 3, tzinfo=dt.UTC)
    assert rows(zones, "patient").to_dicts() == [
        {
            "patient_key": pseudonym("patient-reference", "pas-1"),
            "person_id": pseudonym("person", national_number(1)),
            "sex": "female",
            "birth_date": dt.date(1970, 5, 25),
            "death_date": dt.date(2024, 5, 2),
            "is_graded": False,
            "gp_office_key": pseudonym("provider", "80001"),
            "source": "synthetic",
            "delivery": "p1",
            "transaction_time": time,
        }
    ]
    spells = rows(zones, "residence").select("municipality_code", "valid_from", "valid_to")
    assert spells.rows() == [
        ("5001", dt.date(2000, 1, 1), dt.date(2020, 6, 1)),
        ("5006", dt.date(2020, 6, 1), None),
    ]


def test_the_municipality_is_found_where_else_it_may_stand(zones: Zones) -> None:
    elsewhere = address("5001", "2000-01-01")
    coded = elsewhere.pop("_district")["extension"][0]["valueCoding"]
    elsewhere["extension"].append(
        {
            "url": NO_BASIS + "no-basis-propertyinformation",
            "extension": [{"url": "municipality", "valueCoding": {**coded, "code": "5053"}}],
        }
    )
    unofficial = address("5059", "2001-01-01")
    unofficial["extension"] = []
    person = patient(1, address=[elsewhere, unofficial])
    take(zones, write_delivery(zones.inbox, "p1", {"Patient-1.ndjson": [person]}, **PERSONS))
    assert rows(zones, "residence")["municipality_code"].to_list() == ["5053"]


def test_codes_dates_and_numbers_are_normalised(zones: Zones) -> None:
    icpc = {"coding": [{"system": "http://hl7.org/fhir/sid/icpc-2", "code": "t90"}]}
    files = {
        "Encounter-1.ndjson": [encounter(1)],
        "Condition-1.ndjson": [condition(1), condition(2, code=icpc)],
    }
    take(zones, write_delivery(zones.inbox, "s1", files))
    take(
        zones,
        write_delivery(
            zones.inbox, "k1", {"EpisodeOfCare-1.ndjson": [episode(1)]}, organisation="kommuner"
        ),
    )
    stay = rows(zones, "encounter").row(0, named=True)
    # 23:30 UTC on 1 March is 2 March in Norway.
    assert (stay["started_on"], stay["ended_on"]) == (dt.date(2024, 3, 2), dt.date(2024, 3, 9))
    codes = rows(zones, "condition").select("code_system", "code").sort("code").rows()
    assert codes == [("icd10", "E119"), ("icpc2", "T90")]
    care = rows(zones, "care_episode").row(0, named=True)
    assert (care["service_type_code"], care["weekly_hours"], care["end_on"]) == ("2", 7.5, None)
    assert care["provider_key"] == pseudonym("provider", "5001-E1")


def test_every_table_has_its_columns_even_before_any_row(zones: Zones) -> None:
    ensure_schemas(zones)
    before = tree(zones.journal)
    ensure_schemas(zones)
    assert tree(zones.journal) == before
    for name, table in restricted_tables().items():
        frame = rows(zones, name)
        assert frame.height == 0
        expected = [c.name for c in table.columns] + ["source", "delivery", "transaction_time"]
        assert frame.columns == expected


def test_a_graded_person_loses_every_place_in_all_rows_ever(zones: Zones) -> None:
    for delivery in yearly_deliveries(zones.inbox):
        result = take(zones, delivery)
        assert result.redacted_deliveries == (1 if delivery.name == "p-2024" else 0)
    graded = pseudonym("patient-reference", "pas-0")
    for name, table in restricted_tables().items():
        revealing = [c.name for c in table.columns if c.reveals_location]
        frame = rows(zones, name)
        if not revealing or not frame.height:
            continue
        theirs = frame.filter(pl.col("patient_key") == graded)
        assert theirs.height
        assert theirs.select(revealing).null_count().row(0) == (theirs.height,) * len(revealing)
        others = frame.filter(pl.col("patient_key") != graded)
        # By the borders of another day an address without a tract may lie in several places.
        told = [column for column in revealing if not column.startswith("municipality_2")]
        assert others.select(told).null_count().row(0) == (0,) * len(told)
    spells = rows(zones, "residence").filter(pl.col("patient_key") == graded)
    # One spell per delivery: the day of the move would tell as well as the place.
    assert spells.select("delivery", "valid_from", "valid_to").sort("delivery").rows() == [
        (name, dt.date(2000, 1, 1), None) for name in ("p-2023", "p-2024", "p-2025")
    ]
    for entry in read_ledger(zones).values():
        for name, count in entry.tables.items():
            written = pl.read_parquet(zones.journal / name / f"{entry.id}.parquet")
            assert written.height == count


def test_spells_that_have_ended_are_merged_to_their_last_day(zones: Zones) -> None:
    gone = [
        address("5001", "2000-01-01", "2010-01-01"),
        address("5006", "2010-01-01", "2020-02-02"),
    ]
    person = patient(0, graded="R", address=gone)
    take(zones, write_delivery(zones.inbox, "p1", {"Patient-1.ndjson": [person]}, **PERSONS))
    assert rows(zones, "residence").select("valid_from", "valid_to").rows() == [
        (dt.date(2000, 1, 1), dt.date(2020, 2, 2))
    ]


def test_the_door_refuses_numbers_with_the_reason_it_has(zones: Zones) -> None:
    wrong = str(national_number(5))
    spoilt = wrong[:-1] + str((int(wrong[-1]) + 1) % 10)
    people = [patient(n) for n in range(20)]
    people += [
        patient(20, identifier=[{"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": spoilt}]),
        patient(21, identifier=[]),
        patient(
            22,
            identifier=[{"system": "urn:oid:2.16.578.1.12.4.1.4.2", "value": national_number(22)}],
        ),
    ]
    (file,) = take(
        zones, write_delivery(zones.inbox, "p1", {"Patient-1.ndjson": people}, **PERSONS)
    ).files
    assert dict(file.quarantined) == {
        "identifier_wrong_second_check_digit": 1,
        "missing_required": 1,
    }
    assert rows(zones, "patient").height == 21
    # Nothing of a refused person comes by way of another table.
    assert rows(zones, "residence")["patient_key"].n_unique() == 21


def test_the_catalogue_speaks_of_all_that_ingest_needs() -> None:
    entities, sources = load_entities(), load_sources()
    assert len(entities) == 20
    assert sources["synthetic"].gaps() == ()
    assert "legal_basis" in sources["helseplattformen"].gaps()
    reasons = load_reasons()
    assert reasons["broken_json"].text("nn") == "Linja er ikkje gyldig JSON."
    assert {reason.scope for reason in reasons.values()} == {"line", "file", "delivery"}
