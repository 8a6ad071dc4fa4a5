"""A year of deliveries in which everything happens that happens to a journal.

Belongs here: twelve deliveries, one a month: corrected and late rows, deletions and rows that come
again, links made and undone, gradings, numbers that come late, and one full snapshot; as resources,
Parquet and CSV. Does not belong here: what must come of them.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from pipelines.clients.delivered_files import Delivery
from tests.support.delivered_tables import encounter_row, write_tables
from tests.support.deliveries import condition, encounter, line, patient, write_delivery

MONTHS = range(1, 13)
PERSONS = 24
_PERSONS_IN = {1, 4, 7, 10}
_FULL = 8


def deletions(*urls: str) -> dict[str, Any]:
    """One line of a file of deletions."""
    entries = [{"request": {"method": "DELETE", "url": url}} for url in urls]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def a_year(inbox: Path) -> list[Delivery]:
    """The deliveries in the order of their months."""
    return [_persons(inbox, m) if m in _PERSONS_IN else _stays(inbox, m) for m in MONTHS]


def _when(month: int) -> dict[str, Any]:
    kind = "full" if month == _FULL else "delta"
    return {"time": dt.datetime(2024, month, 28, 3, tzinfo=dt.UTC), "kind": kind}


def _persons(inbox: Path, month: int) -> Delivery:
    people = [_person(n, month) for n in range(PERSONS) if n % 4 == 0 or month == 1 or n > 15]
    files: dict[str, Any] = {"Patient-1.ndjson.gz": people}
    if month == 7:
        files["Bundle-1.ndjson"] = [deletions("Patient/pas-23", "Patient/pas-23")]
    return write_delivery(
        inbox, f"p-{month:02d}", files, organisation="personregister", **_when(month)
    )


def _person(n: int, month: int) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if n in (16, 17) and month >= 4:
        # Merged in April, and undone in October for one of them.
        changes["link"] = [{"other": {"reference": f"Patient/pas-{n + 2}"}, "type": "replaced-by"}]
        if n == 17 and month == 10:
            changes.pop("link")
    if n == 18 and month == 7:
        changes["graded"] = "V"
    if n == 20 and month == 1:
        changes["identifier"] = [
            {"system": "HNR", "value": "5", "assigner": {"display": "St. Olavs hospital"}}
        ]
    if n == 21 and month >= 4:
        changes["deceasedDateTime"] = "2024-03-30"
    return patient(n, **changes)


def _stays(inbox: Path, month: int) -> Delivery:
    first = 10 * month
    numbers = [*range(first, first + 10), first - 10, first - 9]
    status = {first - 10: "entered-in-error", first - 9: "in-progress"}
    if month == _FULL:
        numbers = list(range(0, first + 10, 2))
    when = _when(month)
    if month % 3 == 0:
        listed = [encounter_row(n, n % PERSONS, Status=status.get(n, "finished")) for n in numbers]
        ending = "csv.gz" if month == 6 else "parquet"
        files = {f"EncounterFact-{month}.{ending}": listed}
        return write_tables(inbox, f"s-{month:02d}", files, **when)
    stays: list[Any] = [
        encounter(n, n % PERSONS, status=status.get(n, "finished")) for n in numbers
    ]
    stays.append(line(encounter(9_000 + month))[:-9])
    diagnoses = [
        condition(n, n % PERSONS, recordedDate=f"2024-01-{n % 27 + 1:02d}") for n in numbers[:6]
    ]
    gone = deletions(f"Encounter/enk-{first - 8}", f"Condition/dia-{first - 10}")
    return write_delivery(
        inbox,
        f"s-{month:02d}",
        {
            "Encounter-1.ndjson": stays[:7],
            "Encounter-2.ndjson.gz": stays[7:],
            "Condition-1.ndjson": diagnoses,
            "Bundle-1.ndjson": [gone],
        },
        **when,
    )
