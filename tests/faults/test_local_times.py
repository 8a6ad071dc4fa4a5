"""Local clock times: the missing hour, the hour that comes twice, and the ends of days (F14).

Belongs here: which instant and which day a delivered local time means. Does not belong here: other
values of a delivered table (``test_delivered_encodings``).

The expected instants are those of Python's own time zones, not of the database that reads the file.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pipelines.ingest import FileResult
from pipelines.settings import Zones
from tests.support.delivered_tables import (
    Row,
    csv_bytes,
    declare,
    encounter_row,
    write_tables,
)
from tests.support.deliveries import encounter, rows, take, write_delivery
from tests.support.empty_zones import empty_zones

T = dt.datetime
OSLO = ZoneInfo("Europe/Oslo")
FORMS = [".parquet", ".csv"]


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    return empty_zones(tmp_path / "home")


def message_row(n: int, sent: dt.datetime | None) -> Row:
    return {
        "MessageEpicId": f"mel-{n}",
        "PatientEpicId": "pas-1",
        "EncounterEpicId": "enk-1",
        "Status": "completed",
        "MessageType": "utskrivningsklar",
        "SentInstant": sent,
        "MunicipalityCode": "5001",
        "AnswersMessageEpicId": None,
    }


def sent_at(zones: Zones, ending: str, times: list[dt.datetime]) -> tuple[FileResult, list[int]]:
    """Seconds since 1970 that the messages carry, in order; good ones keep the file whole."""
    good = [T(2024, 1, 1, 12, 0, n) for n in range(10)]
    given = [message_row(n, time) for n, time in enumerate([*times, *good])]
    files = {f"MessageFact-1{ending}": given}
    delivery = write_tables(zones.inbox, "d1", files, organisation="kommuner")
    (file,) = take(zones, delivery).files
    seconds = rows(zones, "message").filter(pl.col("sent_on") != dt.date(2024, 1, 1))
    return file, sorted(seconds["sent_sequence"])


def instant(local: dt.datetime, fold: int = 0) -> int:
    return int(local.replace(tzinfo=OSLO, fold=fold).timestamp())


MISSING = [T(2024, 3, 31, 2), T(2024, 3, 31, 2, 30), T(2024, 3, 31, 2, 59, 59)]
BESIDE = [T(2024, 3, 31, 1, 59, 59), T(2024, 3, 31, 3, 0)]
TWICE = [T(2024, 10, 27, 2), T(2024, 10, 27, 2, 30), T(2024, 10, 27, 2, 59, 59)]
AROUND = [T(2024, 10, 27, 1, 59, 59), T(2024, 10, 27, 3, 0)]


@pytest.mark.parametrize("ending", FORMS)
def test_the_hour_that_spring_leaves_out_is_refused(ending: str, zones: Zones) -> None:
    file, found = sent_at(zones, ending, [*MISSING, *BESIDE])
    assert dict(file.quarantined) == {"unreadable_value": 3}
    assert found == [instant(time) for time in BESIDE]


@pytest.mark.parametrize("ending", FORMS)
@pytest.mark.parametrize("meant", ["earlier", "later", "refuse"])
def test_the_hour_that_autumn_has_twice_is_what_is_declared(
    meant: str, ending: str, zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(monkeypatch, lambda table: {"ambiguous_time": meant})
    file, found = sent_at(zones, ending, [*TWICE, *AROUND])
    around = [instant(time) for time in AROUND]
    if meant == "refuse":
        assert dict(file.quarantined) == {"unreadable_value": 3}
        assert found == around
        return
    assert file.quarantined_rows == 0
    fold = {"earlier": 0, "later": 1}[meant]
    assert found == sorted(around + [instant(time, fold) for time in TWICE])


def test_in_a_zone_without_summer_time_no_hour_is_missing(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(monkeypatch, lambda table: {"time_zone": "UTC"})
    file, found = sent_at(zones, ".parquet", [*MISSING, *TWICE])
    assert file.quarantined_rows == 0
    expected = [time.replace(tzinfo=dt.UTC).timestamp() for time in (*MISSING, *TWICE)]
    assert found == expected


def test_unasked_the_database_makes_times_of_the_missing_hour() -> None:
    """Twin: without the way back from the instant, an hour that never was becomes another."""
    import duckdb

    ((moved,),) = duckdb.sql(
        "SELECT timezone('Europe/Oslo', timezone('Europe/Oslo', TIMESTAMP '2024-03-31 02:30'))"
    ).fetchall()
    assert moved != T(2024, 3, 31, 2, 30)


ENDS = [
    # Local time of an admission, and the same instant in UTC.
    (T(2023, 12, 31, 23, 59, 59), "2023-12-31T22:59:59Z", dt.date(2023, 12, 31)),
    (T(2024, 1, 1, 0, 0), "2023-12-31T23:00:00Z", dt.date(2024, 1, 1)),
    (T(2024, 1, 1, 0, 59, 59), "2023-12-31T23:59:59Z", dt.date(2024, 1, 1)),
    (T(2024, 2, 29, 0, 0), "2024-02-28T23:00:00Z", dt.date(2024, 2, 29)),
    (T(2024, 2, 29, 23, 59, 59), "2024-02-29T22:59:59Z", dt.date(2024, 2, 29)),
    (T(2024, 3, 1, 0, 0), "2024-02-29T23:00:00Z", dt.date(2024, 3, 1)),
    (T(2024, 3, 31, 23, 59, 59), "2024-03-31T21:59:59Z", dt.date(2024, 3, 31)),
    (T(2024, 6, 30, 23, 59, 59), "2024-06-30T21:59:59Z", dt.date(2024, 6, 30)),
    (T(2024, 7, 1, 0, 0), "2024-06-30T22:00:00Z", dt.date(2024, 7, 1)),
    (T(2024, 10, 31, 23, 30), "2024-10-31T22:30:00Z", dt.date(2024, 10, 31)),
    (T(2000, 2, 29, 12, 0), "2000-02-29T11:00:00Z", dt.date(2000, 2, 29)),
    (T(2020, 2, 29, 23, 59, 59), "2020-02-29T22:59:59Z", dt.date(2020, 2, 29)),
]


@pytest.mark.parametrize("ending", [*FORMS, ".ndjson"])
def test_days_begin_at_midnight_in_norway(ending: str, zones: Zones) -> None:
    if ending == ".ndjson":
        lines = [encounter(n, period={"start": utc}) for n, (_, utc, _) in enumerate(ENDS)]
        lines = [
            {**each, "period": {**each["period"], "end": each["period"]["start"]}} for each in lines
        ]
        delivery = write_delivery(zones.inbox, "d1", {"Encounter-1.ndjson": lines})
    else:
        given = [
            encounter_row(n, AdmissionInstant=local, DischargeInstant=local)
            for n, (local, _, _) in enumerate(ENDS)
        ]
        delivery = write_tables(zones.inbox, "d1", {f"EncounterFact-1{ending}": given})
    (file,) = take(zones, delivery).files
    assert (file.loaded_rows, file.quarantined_rows) == (len(ENDS), 0)
    found = rows(zones, "encounter")
    expected = sorted(day for _, _, day in ENDS)
    assert sorted(found["started_on"]) == sorted(found["ended_on"]) == expected


def test_by_the_day_of_utc_some_would_fall_in_another_month_and_year() -> None:
    """Twin: taking the date out of the instant as it is written misplaces stays."""
    wrong = [utc[:7] for _, utc, day in ENDS if utc[:7] != day.isoformat()[:7]]
    assert len(wrong) >= 4
    assert "2023-12" in wrong


@pytest.mark.parametrize("day", [dt.date(2023, 12, 31), dt.date(2024, 1, 1), dt.date(2024, 2, 29)])
@pytest.mark.parametrize("ending", FORMS)
def test_a_plain_day_is_that_day(day: dt.date, ending: str, zones: Zones) -> None:
    """A birth on 31 December is of that year, whatever clock anybody has."""
    from tests.support.delivered_tables import address_rows, link_row, patient_row

    given = [patient_row(n, BirthDate=day) for n in range(3)]
    files = {
        f"PatientDim-1{ending}": given,
        f"AddressBridge-1{ending}": address_rows(0),
        f"PatientLinkBridge-1{ending}": [link_row(0, 1, "seealso")],
    }
    delivery = write_tables(zones.inbox, "d1", files, organisation="personregister")
    assert take(zones, delivery).files[0].loaded_rows == 3
    assert rows(zones, "patient")["birth_date"].unique().to_list() == [day]


@pytest.mark.parametrize("year", [1899, 1999, 2024, 9999, 10_000])
def test_days_of_every_year_are_that_day_or_refused(year: int, zones: Zones) -> None:
    given = [encounter_row(n) for n in range(4)]
    data = csv_bytes("EncounterFact", given).replace(b"02.03.2024", f"02.03.{year}".encode(), 1)
    delivery = write_tables(zones.inbox, "d1", {"EncounterFact-1.csv": (data, 4)})
    (file,) = take(zones, delivery).files
    years = set(rows(zones, "encounter")["started_on"].dt.year())
    if file.quarantined_rows:
        assert (year, years) == (10_000, {2024})
    else:
        assert year in years
