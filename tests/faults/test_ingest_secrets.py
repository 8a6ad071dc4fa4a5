"""What ingest must not tell: nothing of a person leaves the identified zone by a hostile delivery.

Belongs here: canaries in every zone and message, and who may open quarantined lines. The search
for canaries has a twin that shows it is not blind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import structlog

from anonymization.keys import Key
from pipelines.ingest import Options, ingest_delivery
from pipelines.ingest.quarantine import QuarantineError, open_lines
from pipelines.settings import Zones
from tests.support.bad_lines import BAD_LINES, FILE, with_bad
from tests.support.deliveries import (
    KEY,
    OTHER_KEY,
    address,
    condition,
    encounter,
    line,
    national_number,
    patient,
    rows,
    take,
    write_delivery,
)

CANARIES = ["Nordkanari", "Storgata 17 B", "Kanariheim", "fall hjemme", "ringte", "hjelpetrengende"]


def hostile_deliveries(zones: Zones) -> list[Any]:
    broken = [
        patient(0),
        patient(1, graded="V"),
        patient(2, birthDate="Nordkanari"),
        patient(3, gender="Storgata 17 B"),
        patient(
            4, identifier=[{"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "13097248022"}]
        ),
        patient(5, address=[address("Nordkanari", "2020-01-01")]),
        line(patient(6))[:-9],
        *[patient(n) for n in range(7, 30)],
    ]
    encounters = [encounter(n, n % 5) for n in range(60)] + [x for x, _, _ in BAD_LINES.values()][
        :6
    ]
    return [
        write_delivery(
            zones.inbox, "p1", {"Patient-1.ndjson": broken}, organisation="personregister"
        ),
        write_delivery(
            zones.inbox,
            "s1",
            {FILE: encounters, "Condition-1.ndjson": [condition(n) for n in range(9)]},
        ),
    ]


def found_in(folder: Path, secrets: list[str]) -> set[str]:
    """Secrets that stand in some file below a folder, as plain or as base64 bytes."""
    everything = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    parquet = "".join(str(pl.read_parquet(path).rows()) for path in folder.rglob("*.parquet"))
    return {s for s in secrets if s.encode() in everything or s in parquet}


def test_no_canary_leaves_the_identified_zone(
    zones: Zones, capfd: pytest.CaptureFixture[str]
) -> None:
    secrets = CANARIES + [national_number(n) for n in range(30)] + ["13097248022"]
    secrets += [f"pas-{n}" for n in range(30)]
    with structlog.testing.capture_logs() as logs:
        results = [
            ingest_delivery(d, zones=zones, key=KEY, options=Options(quarantine_key=KEY))
            for d in hostile_deliveries(zones)
        ]
    assert all(r.state == "committed" for r in results)
    assert sum(f.quarantined_rows for r in results for f in r.files) >= 8
    for zone in (zones.restricted, zones.steward, zones.state, zones.published, zones.analysis):
        assert found_in(zone, secrets) == set()
    assert found_in(zones.quarantine, secrets) == set()
    told = str(logs) + str(results) + "".join(capfd.readouterr())
    assert [s for s in secrets if s in told] == []


def test_the_search_for_canaries_finds_one_that_leaks(zones: Zones) -> None:
    """Twin: a leak is found in Parquet and in plain files."""
    pl.DataFrame({"a": ["Kari Nordkanari"]}).write_parquet(zones.journal / "leak.parquet")
    (zones.state / "leak.log").write_text("i Kanariheim")
    assert found_in(zones.restricted, CANARIES) == {"Nordkanari"}
    assert found_in(zones.state, CANARIES) == {"Kanariheim"}


def test_sealed_lines_open_with_their_key_alone_and_in_their_place(zones: Zones) -> None:
    delivery = write_delivery(zones.inbox, "d1", {FILE: with_bad(BAD_LINES["broken"][0], 20)})
    take(zones, delivery, options=Options(quarantine_key=KEY))
    sealed = zones.quarantine / delivery.id / f"{FILE}.jsonl.sealed"
    assert sealed.stat().st_mode & 0o777 == 0o600
    moved = zones.quarantine / "elsewhere" / sealed.name
    moved.parent.mkdir()
    moved.write_bytes(sealed.read_bytes())
    for path, key in ((sealed, OTHER_KEY), (moved, KEY), (sealed, None)):
        with pytest.raises(QuarantineError) as caught:
            list(open_lines(path, key))
        assert "Nordkanari" not in str(caught.value)


def test_without_a_key_lines_lie_open_to_the_owner_alone(zones: Zones) -> None:
    delivery = write_delivery(zones.inbox, "d1", {FILE: with_bad(BAD_LINES["broken"][0], 20)})
    take(zones, delivery)
    path = zones.quarantine / delivery.id / f"{FILE}.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    assert next(iter(open_lines(path))).reason == "broken_json"


def test_another_key_gives_other_pseudonyms(tmp_path: Path) -> None:
    keys = []
    for name, key in (("a", KEY), ("b", OTHER_KEY), ("c", Key("again", 2, KEY.secret))):
        home = Zones(tmp_path / name).create()
        take(home, write_delivery(home.inbox, "d1", {FILE: [encounter(1)]}), key=key)
        keys.append(rows(home, "encounter")["patient_key"][0])
    assert keys[0] == keys[2] != keys[1]
