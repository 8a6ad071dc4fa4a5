"""Taking deliveries in: what arrives in the restricted zone, in any order, however often."""

from __future__ import annotations

import datetime as dt
import fcntl
import itertools
import os
import shutil
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pytest

from anonymization.keys import Key
from anonymization.pseudonyms import Pseudonymiser
from pipelines.catalogue.entities import load_entities, restricted_tables
from pipelines.catalogue.reasons import load_reasons
from pipelines.catalogue.sources import load_sources
from pipelines.clients.delivered_files import Delivery, find_deliveries
from pipelines.ingest import (
    FileResult,
    IngestBusyError,
    IngestError,
    Limits,
    Options,
    ensure_schemas,
    ingest_pending,
    pending_deliveries,
    refused_deliveries,
    take_in,
)
from pipelines.ingest.errors import AccountingError
from pipelines.ingest.ledger import (
    LedgerFile,
    delivered_years,
    latest_transaction,
    origin_of,
    read_ledger,
)
from pipelines.settings import Zones
from tests.support.deliveries import (
    KEY,
    NO_BASIS,
    address,
    condition,
    encounter,
    episode,
    line,
    national_number,
    patient,
    rows,
    take,
    tree,
    write_delivery,
)

PERSONS = {"organisation": "personregister"}


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    return Zones(tmp_path / "home").create()


def pseudonym(domain: str, identifier: str, key: Key = KEY) -> str:
    made: str = Pseudonymiser(key).column(pl.Series([identifier]), domain=domain)[0]
    return made


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


def deliveries(inbox: Path) -> list[Delivery]:
    """Three years in which somebody is graded last, whose rows came first and come again."""

    def at(year: int) -> dt.datetime:
        return dt.datetime(year, 1, 5, tzinfo=dt.UTC)

    first = {"Patient-1.ndjson": [patient(n) for n in range(4)]}
    later = {"Patient-1.ndjson": [patient(0, graded="V"), patient(3)]}
    again = {"Patient-1.ndjson": [patient(0)]}
    stays = {
        "Encounter-1.ndjson.gz": [encounter(n, n % 4) for n in range(8)],
        "Condition-1.ndjson": [condition(n, n % 4) for n in range(8)],
    }
    care = {"EpisodeOfCare-1.ndjson": [episode(n, n % 4) for n in range(8)]}
    return [
        write_delivery(inbox, "p-2023", first, time=at(2024), **PERSONS),
        write_delivery(inbox, "p-2024", later, time=at(2025), **PERSONS),
        write_delivery(inbox, "p-2025", again, time=at(2026), **PERSONS),
        write_delivery(inbox, "s-2023", stays, time=at(2024)),
        write_delivery(inbox, "k-2023", care, time=at(2024), organisation="kommuner"),
    ]


def test_any_order_gives_the_same_bytes(tmp_path: Path) -> None:
    found = deliveries(tmp_path / "inbox")
    trees = []
    for n, order in enumerate(itertools.islice(itertools.permutations(found), 0, 120, 59)):
        home = Zones(tmp_path / f"home{n}").create()
        for delivery in order:
            assert take(home, delivery).state == "committed"
        trees.append(tree(home.restricted))
    assert all(each == trees[0] for each in trees)


def test_a_graded_person_loses_every_place_in_all_rows_ever(zones: Zones) -> None:
    for delivery in deliveries(zones.inbox):
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


def test_threads_and_files_do_not_change_the_bytes(tmp_path: Path) -> None:
    stays = [encounter(n, n % 7) for n in range(90)]
    trees = []
    for threads, cut in ((1, 90), (2, 40), (4, 1)):
        home = Zones(tmp_path / f"home{threads}").create()
        files = {f"Encounter-{i:03d}.ndjson": stays[i : i + cut] for i in range(0, len(stays), cut)}
        take(home, write_delivery(home.inbox, "d1", files), options=Options(threads=threads))
        trees.append(tree(home.journal))
    assert trees[0] == trees[1] == trees[2]


def test_what_a_killed_run_left_is_swept_and_done_again(tmp_path: Path) -> None:
    undisturbed, killed = (Zones(tmp_path / name).create() for name in ("a", "b"))
    found = deliveries(tmp_path / "inbox")
    for delivery in found:
        take(undisturbed, delivery)
    for delivery in found[:-1]:
        take(killed, delivery)
    # Died before the last entry of the ledger, in the middle of the next tables.
    (killed.deliveries / "synthetic__p-2024.json").unlink()
    (killed.identified / ".work" / "00000").mkdir(parents=True)
    (killed.identified / ".work" / "00000" / "verified").write_bytes(line(patient(0)))
    half = killed.journal / "encounter" / "synthetic__never.parquet"
    half.write_bytes(b"PAR1")
    (killed.journal / "patient" / ".x.parquet.abc.tmp").write_bytes(b"PAR1")
    (killed.deliveries / ".y.json.abc.tmp").write_bytes(b"{")
    (killed.steward / "quarantine" / "synthetic__never.parquet").write_bytes(b"PAR1")
    for delivery in found:
        take(killed, delivery)
    assert tree(killed.restricted) == tree(undisturbed.restricted)
    assert tree(killed.steward) == tree(undisturbed.steward)
    assert not list(killed.journal.rglob("*.tmp"))
    assert not (killed.identified / ".work").exists()


@pytest.mark.parametrize("step", ["write_table", "redact_committed", "write_counts", "commit"])
def test_dying_at_a_step_takes_nothing_in(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.ingest import ledger, quarantine, restricted

    class PowerCutError(BaseException):
        pass

    undisturbed, killed = (Zones(tmp_path / name).create() for name in ("a", "b"))
    found = deliveries(tmp_path / "inbox")
    for delivery in found:
        take(undisturbed, delivery)
    for delivery in [found[0], *found[2:]]:
        take(killed, delivery)
    module: Any = next(m for m in (restricted, quarantine, ledger) if hasattr(m, step))
    with monkeypatch.context() as patched:

        def die(*_: Any, **__: Any) -> None:
            raise PowerCutError

        patched.setattr(module, step, die)
        with pytest.raises(PowerCutError):
            take(killed, found[1])
    assert found[1].id not in read_ledger(killed)
    assert take(killed, found[1]).state == "committed"
    assert tree(killed.restricted) == tree(undisturbed.restricted)


def test_all_at_once_is_the_same_as_one_by_one_even_after_dying_midway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.ingest import ledger

    one_by_one, at_once = (Zones(tmp_path / name).create() for name in ("a", "b"))
    deliveries(tmp_path / "inbox")
    waiting = [each.folder for each in pending_deliveries(one_by_one, tmp_path / "inbox")]
    for delivery in waiting:
        take(one_by_one, delivery)
    commit = ledger.commit
    with monkeypatch.context() as patched:

        def die_at_the_second(zones: Zones, entry: ledger.LedgerEntry) -> None:
            if entry.id == waiting[1].id:
                raise KeyboardInterrupt
            commit(zones, entry)

        patched.setattr(ledger, "commit", die_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            ingest_pending(at_once, KEY, inbox=tmp_path / "inbox")
    assert list(read_ledger(at_once)) == [waiting[0].id]
    assert not (at_once.identified / ".work").exists()
    results = ingest_pending(at_once, KEY, inbox=tmp_path / "inbox")
    assert [result.delivery for result in results] == [each.name for each in waiting[1:]]
    assert tree(at_once.restricted) == tree(one_by_one.restricted)


def test_two_ingests_never_write_at_once(zones: Zones) -> None:
    delivery = write_delivery(zones.inbox, "d1", {"Encounter-1.ndjson": [encounter(1)]})
    descriptor = os.open(zones.restricted / ".ingest.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(IngestBusyError, match="Wait until it is done"):
        take(zones, delivery)
    os.close(descriptor)
    assert take(zones, delivery).state == "committed"


def test_what_waits_comes_latest_persons_first_then_by_time(zones: Zones) -> None:
    found = {d.name: d for d in deliveries(zones.inbox)}
    write_delivery(zones.inbox, "broken", {"Encounter-1.ndjson": []}, manifest=False)
    (zones.inbox / "synthetic" / "a__b").mkdir()
    order = ["p-2025", "p-2024", "p-2023", "k-2023", "s-2023"]
    assert [p.delivery for p in pending_deliveries(zones)] == order
    first = pending_deliveries(zones)[0]
    assert (first.delivering_organisation, first.period_start) == (
        "personregister",
        dt.date(2024, 1, 1),
    )
    assert [r.reason for r in refused_deliveries(zones)] == ["unsafe_name", "manifest_missing"]
    assert "a__b" not in str(refused_deliveries(zones))
    take(zones, found["p-2025"])
    seen: list[tuple[str, FileResult]] = []
    results = ingest_pending(zones, KEY, lambda delivery, file: seen.append((delivery, file)))
    assert [r.delivery for r in results[:4]] == order[1:]
    assert [r.state for r in results] == ["committed"] * 4 + ["refused"] * 2
    assert len(seen) == 5
    assert pending_deliveries(zones) == []
    assert all(
        take(zones, each).state in ("seen_before", "refused")
        for each in find_deliveries(zones.inbox)
    )


def test_an_inbox_elsewhere_is_as_good(zones: Zones, tmp_path: Path) -> None:
    deliveries(tmp_path / "inbox")
    system = fsspec.filesystem("memory")
    system.put(str(tmp_path / "inbox"), "/far", recursive=True)
    try:
        results = ingest_pending(zones, KEY, inbox="memory://far")
    finally:
        system.rm("/far", recursive=True)
    other = Zones(tmp_path / "other").create()
    ingest_pending(other, KEY, inbox=tmp_path / "inbox")
    assert len(results) == 5
    assert tree(zones.restricted) == tree(other.restricted)


def test_deliveries_are_taken_into_the_inbox(zones: Zones, tmp_path: Path) -> None:
    deliveries(tmp_path / "extract")
    assert len(take_in([tmp_path / "extract"], zones)) == 5
    one = tmp_path / "extract" / "synthetic" / "p-2023"
    (again,) = take_in([one], zones)
    assert again.name == "p-2023"
    assert tree(zones.inbox) == tree(tmp_path / "extract")
    assert (zones.inbox / "synthetic" / "p-2023" / "Patient-1.ndjson").stat().st_mode & 0o77 == 0
    ingest_pending(zones, KEY)
    with pytest.raises(IngestError, match=r"no manifest\.json"):
        take_in([zones.restricted], zones)
    changed = write_delivery(
        tmp_path / "extract", "p-2023", {"Patient-1.ndjson": [patient(9)]}, **PERSONS
    )
    with pytest.raises(IngestError, match="changed_after_commit"):
        take_in([Path(changed.url)], zones)
    loose = tmp_path / "loose"
    shutil.copytree(one, loose)
    with pytest.raises(IngestError, match="manifest_mismatch"):
        take_in([loose], zones)


def test_a_mended_delivery_takes_the_place_of_the_broken_one(zones: Zones, tmp_path: Path) -> None:
    files = {"Encounter-1.ndjson": [encounter(1)], "Condition-1.ndjson": [condition(1)]}
    broken = write_delivery(tmp_path / "extract", "s1", files)
    (Path(broken.url) / "Condition-1.ndjson").unlink()
    take_in([tmp_path / "extract"], zones)
    (result,) = ingest_pending(zones, KEY)
    assert [f.reason for f in result.files] == [None, "file_missing"]
    files["Condition-1.ndjson"] = [condition(2)]
    write_delivery(tmp_path / "extract", "s1", files)
    take_in([tmp_path / "extract"], zones)
    (result,) = ingest_pending(zones, KEY)
    assert [f.state for f in result.files] == ["loaded", "loaded"]
    link = Path(broken.url) / "Condition-1.ndjson"
    write_delivery(tmp_path / "extract", "s2", {"Condition-1.ndjson": [condition(3)]})
    linked = tmp_path / "extract" / "synthetic" / "s2" / "Condition-1.ndjson"
    linked.unlink()
    linked.symlink_to(link)
    with pytest.raises(IngestError, match="file_unreadable"):
        take_in([linked.parent], zones)


def test_what_the_ledger_tells_about_all(zones: Zones) -> None:
    assert not delivered_years(zones)
    with pytest.raises(IngestError, match="Nothing has been taken in"):
        origin_of(zones)
    for delivery in deliveries(zones.inbox):
        take(zones, delivery)
    later = write_delivery(
        zones.inbox,
        "s-2026",
        {"Encounter-1.ndjson": [encounter(99)]},
        change=lambda m: m.update(period_start="2022-01-01", period_end="2026-12-31"),
    )
    take(zones, later)
    assert delivered_years(zones) == range(2022, 2027)
    assert latest_transaction(zones) == "2026-01-05T00:00:00+00:00"
    assert origin_of(zones) == (
        dt.date(2022, 1, 1),
        dt.date(2026, 12, 31),
        "2026-01-05T00:00:00+00:00",
        True,
    )


def test_an_empty_file_and_one_without_a_last_line_end(zones: Zones) -> None:
    delivery = write_delivery(
        zones.inbox, "d1", {"Encounter-1.ndjson": [], "Condition-1.ndjson": [condition(1)]}
    )
    folder = Path(delivery.url)
    text = (folder / "Condition-1.ndjson").read_bytes() + b"\n  \n\n\n\r\n" + line(condition(2))
    write_raw(delivery, "Condition-1.ndjson", text, 2)
    result = take(zones, delivery)
    assert [f.loaded_rows for f in result.files] == [0, 2], result
    assert result.tables == {"condition": 2, "encounter": 0}


def write_raw(delivery: Delivery, name: str, data: bytes, count: int) -> None:
    import json

    from tests.support.deliveries import entry

    folder = Path(delivery.url)
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    kept = [file for file in manifest["files"] if file["name"] != name]
    manifest["files"] = [*kept, entry(name, data, count)]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_line_numbers_count_blank_lines(zones: Zones) -> None:
    from pipelines.ingest.quarantine import open_lines

    delivery = write_delivery(zones.inbox, "d1", {"Condition-1.ndjson": []})
    good = [line(condition(n)) for n in range(4)]
    text = good[0] + b"\n\n\n" + b"{oops\n" + b"\n" + b"\n".join(good[1:]) + b"\n"
    write_raw(delivery, "Condition-1.ndjson", text, 5)
    (file,) = take(zones, delivery).files
    assert dict(file.quarantined) == {"broken_json": 1}
    (kept,) = open_lines(zones.quarantine / delivery.id / "Condition-1.ndjson.jsonl")
    assert kept.line == 4


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


def test_a_file_that_does_not_add_up_is_a_fault(zones: Zones) -> None:
    with pytest.raises(AccountingError, match="delivered 3 lines, loaded 1, quarantined 1"):
        LedgerFile(
            name="x",
            entity="Encounter",
            sha256="0" * 64,
            bytes=1,
            delivered_rows=3,
            loaded_rows=1,
            quarantined_rows=1,
            quarantined_by_reason={"broken_json": 1},
            state="loaded",
        )


def test_pieces_of_a_large_file_keep_their_line_numbers(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.ingest import parse
    from pipelines.ingest.quarantine import open_lines

    monkeypatch.setattr(parse, "_PIECE_LINES", 7)
    monkeypatch.setattr(parse, "_SINGLED_OUT", 1)
    lines: list[Any] = [encounter(n) for n in range(60)]
    for at in (3, 4, 5, 31, 59):
        lines[at] = b"{"
    delivery = write_delivery(zones.inbox, "d1", {"Encounter-1.ndjson.gz": lines})
    (file,) = take(zones, delivery, options=Options(limits=Limits(sample_lines=0))).files
    assert (file.loaded_rows, dict(file.quarantined)) == (55, {"broken_json": 5})
    kept = open_lines(zones.quarantine / delivery.id / "Encounter-1.ndjson.gz.jsonl")
    assert [each.line for each in kept] == [4, 5, 6, 32, 60]
    expected = {pseudonym("encounter", f"enk-{n}") for n in range(60)} - {
        pseudonym("encounter", f"enk-{n}") for n in (3, 4, 5, 31, 59)
    }
    assert set(rows(zones, "encounter")["encounter_key"]) == expected


def test_the_catalogue_speaks_of_all_that_ingest_needs() -> None:
    entities, sources = load_entities(), load_sources()
    assert len(entities) == 20
    assert sources["synthetic"].gaps() == ()
    assert "legal_basis" in sources["helseplattformen"].gaps()
    reasons = load_reasons()
    assert reasons["broken_json"].text("nn") == "Linja er ikkje gyldig JSON."
    assert {reason.scope for reason in reasons.values()} == {"line", "file", "delivery"}
