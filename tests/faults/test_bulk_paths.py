"""Names in a server's manifest never become names here: nothing is written outside (B06)."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from pipelines.clients.bulk import ExportError, Options
from pipelines.clients.delivered_files import FILE_NAME, find_deliveries, read_manifest
from tests.support.bulk_server.clock import FakeClock
from tests.support.bulk_server.homes import export, profile
from tests.support.bulk_server.server import Asked, BulkServer, ndjson, serving, usual_files

E1 = usual_files()["e1"][1]
ENDINGS = [
    "../evil",
    "../../evil",
    "../../../../../../../../evil",
    "..",
    ".",
    "./../evil",
    "a/../../evil",
    "a/b/../../../evil",
    "%2e%2e/evil",
    "%2e%2e%2fevil",
    "..%2fevil",
    "..%2f..%2f..%2fevil",
    "%252e%252e%252fevil",
    "..%5cevil",
    "%5c%5cserver%5cshare%5cevil",
    "..%c0%afevil",
    "%c0%ae%c0%ae/evil",
    "....//evil",
    "..;/evil",
    "/evil",
    "//evil",
    "%2fevil",
    "%2ftmp%2fevil",
    "%2fetc%2fcron.d%2fevil",
    "C:%5cevil",
    "C:/evil",
    "C:evil",
    "%00",
    "evil%00.ndjson",
    "Encounter%00/../evil",
    "evil%0a",
    "evil%0d%0aX-Evil:1",
    "~/evil",
    "~root/evil",
    "$HOME/evil",
    "%24%7bHOME%7d/evil",
    ".evil",
    ".ssh%2fauthorized_keys",
    "manifest.json",
    "job.json",
    "delivered.json",
    "000000.ndjson",
    "000001.json",
    "CON",
    "NUL.ndjson",
    "Encounter-0001.ndjson",
    "a" * 300,
    "%2e%2e/" * 40 + "evil",
    "evil?file=../../evil",
    "Content-Disposition",
]
TYPES = [
    "../Encounter",
    "Encounter/../../evil",
    "/etc/passwd",
    "Encounter\x00",
    "Encounter\n",
    "..",
    "",
    "encounter",
    "C:Encounter",
    "Encounter%2f..",
    "Ｅncounter",
    "E" * 100,
    7,
    None,
    ["Encounter"],
]


def served(url_ending: str, kind: object, tmp_path: Path) -> tuple[BulkServer, Path]:
    def script(asked: Asked) -> object:
        if asked.kind not in ("file", "other") or asked.path in ("/files/c1", "/files/o1"):
            return None
        answer = ndjson(E1)
        answer.headers["Content-Disposition"] = 'attachment; filename="../../evil"'
        return answer

    server = BulkServer(FakeClock(), script=script)

    def change(manifest):
        manifest["output"][0] |= {"type": kind, "url": f"{server.base}/files/{url_ending}"}
        del manifest["output"][1]
        return manifest

    server.change_manifest = change
    return server, tmp_path / "deep" / "er" / "home"


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def run(server: BulkServer, home: Path, tmp_path: Path) -> None:
    with serving(server) as base:
        chosen = profile(tmp_path, base)
        with contextlib.suppress(ExportError):
            export(chosen, home, Options(clock=server.clock))


def test_there_are_enough_vectors() -> None:
    assert len({*ENDINGS}) + len(TYPES) >= 40


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_address_names_nothing_here(ending: str, tmp_path: Path) -> None:
    server, home = served(ending, "Encounter", tmp_path)
    home.mkdir(parents=True)
    run(server, home, tmp_path)
    check_inside(tmp_path, home)


@pytest.mark.parametrize("kind", TYPES, ids=repr)
def test_a_type_names_nothing_here(kind: object, tmp_path: Path) -> None:
    server, home = served("e1", kind, tmp_path)
    home.mkdir(parents=True)
    run(server, home, tmp_path)
    check_inside(tmp_path, home)
    assert find_deliveries(home / "identified" / "inbox") == []


def check_inside(tmp_path: Path, home: Path) -> None:
    """Nothing lies outside the home but the profile, and inside every name is ours."""
    outside = {name for name in everything(tmp_path) if not name.startswith("deep/er/home")}
    assert outside == {"test.yml", "deep", "deep/er"}
    assert not [name for name in everything(home) if "evil" in name]
    for delivery in find_deliveries(home / "identified" / "inbox"):
        for file in read_manifest(delivery).files:
            assert FILE_NAME.fullmatch(file.name)
        names = {path.name for path in Path(delivery.url).iterdir()}
        assert names <= {
            "manifest.json",
            "Encounter-0001.ndjson",
            "Condition-0001.ndjson",
            "Observation-0001.ndjson",
        }


def test_a_symbolic_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    """Somebody has put a link where the delivery is put together."""
    server, home = served("e1", "Encounter", tmp_path)
    source = home / "identified" / "inbox" / "synthetic"
    source.mkdir(parents=True)
    target = tmp_path / "target"
    target.mkdir()
    (source / ".test-trondheim-1-20250303T080000000000Z.partial").symlink_to(target)
    with serving(server) as base, pytest.raises(OSError):
        export(profile(tmp_path, base), home, Options(clock=server.clock))
    assert list(target.iterdir()) == []


def test_a_client_that_names_files_after_addresses_writes_outside(tmp_path: Path) -> None:
    """The twin: the last part of the address, decoded, as a file name."""
    folder = tmp_path / "a" / "inbox"
    folder.mkdir(parents=True)
    escaped = 0
    for ending in ENDINGS:
        name = unquote(urlsplit(f"https://h/files/{ending}").path.removeprefix("/files/"))
        with contextlib.suppress(ValueError, OSError):
            path = (folder / name).resolve()
            escaped += not path.is_relative_to(folder.resolve())
    assert escaped >= 15
    assert json.dumps(ENDINGS)
