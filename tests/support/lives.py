"""Deliveries that tell of a journal's life, each story about persons of its own.

Belongs here: what was delivered when. Does not belong here: what must come of it
(``tests/faults/test_journal_life``).

Everybody has a home, and a stay ``enk-<person>`` from the first delivery on.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from pipelines.clients.delivered_files import Delivery
from tests.support import deliveries as made
from tests.support.a_year import deletions
from tests.support.delivered_tables import write_tables
from tests.support.deliveries import (
    address,
    condition,
    encounter,
    episode,
    national_number,
    reservation,
    write_delivery,
)

PERSONS = 50
D_NUMBER = "urn:oid:2.16.578.1.12.4.1.4.2"
NUMBER = "urn:oid:2.16.578.1.12.4.1.4.1"
GROUND = dt.datetime(2024, 1, 5, 3, tzinfo=dt.UTC)


def at(month: int) -> dt.datetime:
    return GROUND.replace(month=month)


def patient(n: int, **changes: Any) -> dict[str, Any]:
    """In Trondheim, where the hospital was in the journal all year."""
    return made.patient(n, **{"address": [address("5001", "2000-01-01")], **changes})


def linked(n: int, other: int, **changes: Any) -> dict[str, Any]:
    link = [{"other": {"reference": f"Patient/pas-{other}"}, "type": "replaced-by"}]
    return patient(n, link=link, **changes)


def numbered(n: int, number: str, system: str = NUMBER, **changes: Any) -> dict[str, Any]:
    return patient(n, identifier=[{"system": system, "value": number}], **changes)


def newborn(n: int) -> dict[str, Any]:
    local = {"system": "HNR", "value": "17", "assigner": {"display": "St. Olavs hospital"}}
    return patient(n, identifier=[local])


def d_number(n: int) -> str:
    """A D-number of the synthetic series: the day raised by 40, check digits worked anew."""
    import polars as pl

    from anonymization.identifiers import complete_check_digits

    number = national_number(n)
    nines = [f"{int(number[:2]) + 40:02d}{number[2:6]}{each:03d}" for each in range(10, 400)]
    return str(complete_check_digits(pl.Series(nines)).drop_nulls()[n])


def first_persons() -> list[dict[str, Any]]:
    people = {n: patient(n) for n in range(PERSONS)}
    people |= {10: linked(10, 11), 13: linked(13, 14), 14: linked(14, 13), 15: linked(15, 16)}
    people |= {24: linked(24, 25), 25: linked(25, 26), 26: linked(26, 24)}
    people[17] = numbered(17, d_number(17), D_NUMBER)
    people[18] = newborn(18)
    people[20] = numbered(20, national_number(19))
    people[21] = numbered(21, national_number(22))
    people[34] = linked(34, 35)
    return list(people.values())


def later_persons() -> list[dict[str, Any]]:
    """March: the chain grows, a link is undone, numbers come."""
    return [
        linked(11, 12),
        patient(15),
        patient(17),
        patient(18),
        linked(22, 23),
    ]


def lives(inbox: Path) -> list[Delivery]:
    """All deliveries, by their transaction time."""
    persons = {"organisation": "personregister", "kind": "delta"}
    stays = {"organisation": "sykehus", "kind": "delta"}
    offices = {"organisation": "primaerhelse", "kind": "full"}
    care = {"organisation": "kommuner", "kind": "full"}
    consents = {"organisation": "innbyggertjeneste", "kind": "delta"}
    spoil = {"change": lambda manifest: manifest["files"][1].update(sha256="0" * 64)}
    gone = [
        deletions("Encounter/enk-0", "Encounter/enk-1", "Condition/enk-2"),
        deletions("https://folkepuls.no/Encounter/enk-4", "Encounter/enk-4"),
        deletions("Device/enk-5"),
    ]
    return [
        write_delivery(inbox, "p-1", {"Patient-1.ndjson": first_persons()}, time=at(1), **persons),
        write_delivery(
            inbox,
            "s-1",
            {
                "Encounter-1.ndjson": [encounter(n, n) for n in range(PERSONS)],
                "Condition-1.ndjson": [condition(100, 40)],
            },
            time=at(1),
            **stays,
        ),
        write_delivery(
            inbox,
            "g-1",
            {"Condition-1.ndjson": [condition(n, 40 + n) for n in range(6)]},
            time=at(1),
            **offices,
        ),
        write_delivery(
            inbox,
            "k-1",
            {"EpisodeOfCare-1.ndjson": [episode(n, 40 + n) for n in range(6)]},
            time=at(1),
            **care,
        ),
        write_delivery(inbox, "s-2", {"Bundle-1.ndjson": gone}, time=at(2), **stays),
        write_delivery(
            inbox,
            "s-2c",
            {"Bundle-1.ndjson": [deletions("Encounter/enk-9/_history/1"), deletions("Patient/x")]},
            time=at(2),
            **stays,
        ),
        write_delivery(
            inbox,
            "k-2c",
            {"Bundle-1.ndjson": [deletions("Encounter/enk-9")]},
            time=at(2),
            organisation="kommuner",
            kind="delta",
        ),
        write_tables(
            inbox,
            "s-2b",
            {"DeletionFact-1.csv": [{"ResourceUrl": "Encounter/enk-3"}]},
            time=at(2),
            **stays,
        ),
        write_delivery(
            inbox,
            "r-2",
            {
                "Consent-1.ndjson": [
                    reservation(30, 30),
                    reservation(31, 31),
                    reservation(32, 32, provision=purpose("research")),
                    reservation(33, 33, provision=purpose("planning", end="2024-01-20")),
                    reservation(34, 34),
                    reservation(36, 36),
                ]
            },
            time=at(2),
            **consents,
        ),
        write_delivery(inbox, "p-3", {"Patient-1.ndjson": later_persons()}, time=at(3), **persons),
        write_delivery(
            inbox,
            "s-3",
            {
                "Encounter-1.ndjson": [
                    encounter(1, 1),
                    encounter(6, 6, status="entered-in-error"),
                    encounter(7, 7, status="cancelled"),
                    encounter(8, 8, period={"start": "2024-02-01", "end": "2024-02-03"}),
                ]
            },
            time=at(3),
            **stays,
        ),
        # The same again under another name, and of a time that overlaps.
        write_delivery(
            inbox,
            "s-3b",
            {"Encounter-1.ndjson": [encounter(1, 1), encounter(9, 9)]},
            time=at(3),
            **stays,
        ),
        write_delivery(
            inbox,
            "g-3",
            {"Condition-1.ndjson": [condition(n, 40 + n) for n in (0, 1, 2, 6)]},
            time=at(3),
            **offices,
        ),
        # Two files, of which the second is not what the manifest says: it does not stand for all.
        write_delivery(
            inbox,
            "k-3",
            {
                "EpisodeOfCare-1.ndjson": [episode(n, 40 + n) for n in (0, 1)],
                "EpisodeOfCare-2.ndjson": [episode(n, 40 + n) for n in (2, 3, 4, 5)],
            },
            time=at(3),
            **care,
            **spoil,
        ),
        write_delivery(
            inbox,
            "r-3",
            {
                "Consent-1.ndjson": [
                    reservation(31, 31, status="inactive"),
                    reservation(36, 36, status="entered-in-error"),
                ]
            },
            time=at(3),
            **consents,
        ),
        # Sent in January, arrived last: too old to delete what came in March.
        write_delivery(
            inbox,
            "s-0",
            {"Bundle-1.ndjson": [deletions("Encounter/enk-8")]},
            time=at(1).replace(day=7),
            **stays,
        ),
    ]


def purpose(code: str, end: str | None = None) -> dict[str, Any]:
    period = {"start": "2023-05-01"} | ({"end": end} if end else {})
    purposes = [{"system": "https://folkepuls.no/fhir/purpose", "code": code}]
    return {"type": "deny", "period": period, "purpose": purposes}
