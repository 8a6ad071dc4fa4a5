"""An export from a server that behaves: the delivery, every level, verb, key, and what is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.clients.bulk import Options
from pipelines.clients.delivered_files import find_deliveries, read_manifest
from tests.support.bulk_server.clock import FakeClock
from tests.support.bulk_server.homes import auth, export, profile, public_keys
from tests.support.bulk_server.server import BulkServer, serving


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_a_straight_export_becomes_a_delivery(algorithm: str, tmp_path: Path) -> None:
    clock = FakeClock()
    server = BulkServer(clock, keys=public_keys((algorithm, "k1")))
    with serving(server) as base:
        chosen = profile(tmp_path, base, auth=auth(tmp_path, (algorithm, "k1")))
        exported = export(chosen, tmp_path / "home", Options(clock=clock))
    (delivery,) = find_deliveries(tmp_path / "home" / "identified" / "inbox")
    manifest = read_manifest(delivery)
    assert exported.rows == {"Encounter": 50, "Condition": 25, "Observation": 40}
    assert manifest.kind == "full"
    assert manifest.cohort == "trondheim-1"
    assert delivery.name == "test-trondheim-1-20250303T080000000000Z"
    assert [file.name for file in manifest.files] == [
        "Encounter-0001.ndjson",
        "Encounter-0002.ndjson",
        "Condition-0001.ndjson",
        "Observation-0001.ndjson",
    ]
    assert exported.deleted_at_server
    assert server.jobs == set()
    assert server.count("file") == 4
    (kickoff,) = [one for one in server.asked if one.kind == "kickoff"]
    assert kickoff.path == "/fhir/Group/g1/$export"
    assert json.loads(kickoff.body)["parameter"].count(
        {"name": "_type", "valueString": "Encounter"}
    )
    left = [p for p in (tmp_path / "home/identified/exports").rglob("*") if p.suffix == ".ndjson"]
    assert left == []
