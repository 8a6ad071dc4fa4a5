"""Deliveries of three years, by three organisations, in which somebody is graded last.

Belongs here: the deliveries. Does not belong here: single resources (``deliveries``), and what must
come of them.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pipelines.clients.delivered_files import Delivery
from tests.support.deliveries import condition, encounter, episode, patient, write_delivery

PERSONS = {"organisation": "personregister"}
"""Who delivers patients, as ``write_delivery`` is told."""


def yearly_deliveries(inbox: Path) -> list[Delivery]:
    """Write them; the rows of who is graded came first, and come again."""

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
