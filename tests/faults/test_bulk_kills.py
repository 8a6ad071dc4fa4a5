"""Killed at any moment and started again: complete, and no file fetched more than once again."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.clients.bulk.clock import Clock
from pipelines.clients.delivered_files import find_deliveries, read_manifest
from pipelines.settings import ROOT
from tests.support.bulk_server.answers import Answer, lines
from tests.support.bulk_server.homes import site, write_profile
from tests.support.bulk_server.server import Asked, BulkServer, ndjson, resource, serving

FILES, ROWS = 12, 200
SECONDS = 0.9
"""About as long as an export takes here; kills fall anywhere in it."""


def moments(number: int) -> list[float]:
    draw = random.Random(20250303)
    return [round(draw.uniform(0.0, SECONDS), 3) for _ in range(number)]


def slow_server() -> BulkServer:
    """Twelve files that come in pieces, so that a kill falls into the middle of some."""
    files = {
        f"f{n}": ("Encounter", lines([resource("Encounter", n * ROWS + m) for m in range(ROWS)]))
        for n in range(FILES)
    }

    def script(asked: Asked) -> Answer | None:
        if asked.kind != "file":
            return None
        body = files[asked.name][1]
        pieces = tuple(body[at : at + 1300] for at in range(0, len(body), 1300))
        return ndjson(b"", body=pieces, between=lambda: time.sleep(0.015))

    return BulkServer(Clock(), files=files, script=script, polls=1)


def start(profile: Path, home: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.bulk_server.killed", str(profile), str(home)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n", process.stderr and process.stderr.read()
    return process


def check_killed_once(moment: float, folder: Path) -> None:
    server = slow_server()
    with serving(server) as base:
        profile = write_profile(
            folder,
            site(
                base,
                types=["Encounter"],
                budgets={
                    "first_poll_seconds": 0.05,
                    "shortest_wait_seconds": 0.05,
                    "longest_wait_seconds": 0.1,
                },
            ),
        )
        killed = start(profile, folder / "home")
        time.sleep(moment)
        killed.kill()
        killed.communicate()
        again = start(profile, folder / "home")
        out, err = again.communicate(timeout=60)
        assert again.returncode == 0, err
        assert "delivered " in out
        fetched = {name: server.count("file", name) for name in server.files}
    (delivery,) = find_deliveries(folder / "home" / "identified" / "inbox")
    manifest = read_manifest(delivery)
    content = b"".join((Path(delivery.url) / file.name).read_bytes() for file in manifest.files)
    assert sorted(content.splitlines()) == sorted(
        line for _, body in server.files.values() for line in body.splitlines()
    )
    assert max(fetched.values()) <= 2, fetched
    assert server.count("kickoff") <= 2
    left = [p for p in (folder / "home/identified").rglob("*") if p.suffix in (".part", ".partial")]
    assert left == []


@pytest.mark.parametrize("moment", moments(20)[:4])
def test_killed_and_started_again(moment: float, tmp_path: Path) -> None:
    check_killed_once(moment, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("moment", moments(20)[4:])
def test_killed_at_many_moments_and_started_again(moment: float, tmp_path: Path) -> None:
    check_killed_once(moment, tmp_path)


def test_kills_fall_into_the_middle_of_downloads(tmp_path: Path) -> None:
    """The twin: a client that keeps nothing fetches what it had fetched once more."""
    server = slow_server()
    with serving(server) as base:
        profile = write_profile(tmp_path, site(base, types=["Encounter"], budgets=QUICK))
        killed = start(profile, tmp_path / "home")
        deadline = time.monotonic() + 20
        while server.count("file") < FILES // 2 and time.monotonic() < deadline:
            time.sleep(0.005)
        killed.kill()
        killed.communicate()
        had = server.count("file")
        assert 0 < had < FILES
        whole = [p for p in (tmp_path / "home/identified/exports").rglob("*.json")]
        done = [p for p in whole if p.stem.isdigit()]
        assert done
        process = start(profile, tmp_path / "home")
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert server.count("file") == FILES + had - len(done)
        # Kept files are not asked for again; without what is kept all of them would be.
        assert server.count("file") < FILES + had


QUICK = {"first_poll_seconds": 0.05, "shortest_wait_seconds": 0.05, "longest_wait_seconds": 0.1}
