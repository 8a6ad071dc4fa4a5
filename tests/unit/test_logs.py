"""A log carries names and counts; a careless field loses its content, not its trace."""

from __future__ import annotations

import json
from pathlib import Path

import structlog

from pipelines.logs import ALLOWED, allowed_only, logs_in
from pipelines.settings import Zones


def test_a_field_that_nobody_allowed_is_dropped_and_counted() -> None:
    entry = {"event": "loaded", "rows": 12, "name": "Kari Nordkanari", "address": "Storgata 1"}
    assert allowed_only(None, "info", entry) == {"event": "loaded", "rows": 12, "dropped_fields": 2}


def test_nothing_dropped_is_nothing_said() -> None:
    entry = dict.fromkeys(ALLOWED, "x")
    assert allowed_only(None, "info", dict(entry)) == entry


def test_lines_go_to_the_home_and_nowhere_afterwards(tmp_path: Path) -> None:
    zones = Zones(tmp_path).create()
    with logs_in(zones):
        structlog.get_logger().info("ingested", rows=3, person="Kari Nordkanari")
    lines = (zones.state / "logs" / "folkepuls.jsonl").read_text(encoding="utf-8").splitlines()
    (entry,) = [json.loads(line) for line in lines]
    assert entry.pop("timestamp")
    assert entry == {"event": "ingested", "rows": 3, "level": "info", "dropped_fields": 1}
    assert not structlog.is_configured()
