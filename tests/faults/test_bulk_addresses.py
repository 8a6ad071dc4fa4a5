"""Where an export connects to: judged as written, and again after the name is looked up (B07)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import httpcore
import pytest

from pipelines.catalogue.profiles import origin_of
from pipelines.clients.bulk import ExportError, Options
from pipelines.clients.bulk.gate import Gate, GuardedBackend
from tests.support.bulk_server.clock import FakeClock
from tests.support.bulk_server.homes import export, profile
from tests.support.bulk_server.server import BulkServer, Elsewhere, serving

HOST = "fhir.example.org"
REFUSED = [
    "127.0.0.1",
    "127.8.9.1",
    "0.0.0.0",
    "10.0.0.7",
    "172.16.4.4",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.7",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
]


class Recorder(httpcore.NetworkBackend):
    """Notes where it is sent, and is never there."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def connect_tcp(self, host, port, *rest, **named):
        self.sent.append(host)
        raise httpcore.ConnectError("nobody there")


def guarded(tmp_path: Path, answers: Sequence[Sequence[str]], **site) -> tuple:
    """A backend whose names are looked up as told, and what it is sent to."""
    left = list(answers)
    chosen = profile(tmp_path, f"https://{HOST}", **site)
    gate = Gate(chosen, lambda _host, _port: left.pop(0))
    backend = GuardedBackend(gate)
    recorder = Recorder()
    backend._system = recorder
    return backend, recorder


@pytest.mark.parametrize("address", REFUSED)
def test_a_name_that_leads_inside_is_refused(address: str, tmp_path: Path) -> None:
    backend, recorder = guarded(tmp_path, [[address]])
    with pytest.raises(ExportError, match="address_refused"):
        backend.connect_tcp(HOST, 443)
    assert recorder.sent == []


@pytest.mark.parametrize("address", REFUSED)
def test_one_such_address_among_others_is_enough(address: str, tmp_path: Path) -> None:
    backend, recorder = guarded(tmp_path, [["93.184.215.14", address]])
    with pytest.raises(ExportError, match="address_refused"):
        backend.connect_tcp(HOST, 443)
    assert recorder.sent == []


def test_what_was_judged_is_what_is_connected_to(tmp_path: Path) -> None:
    """The name is looked up once: a second, other answer would find nobody who asks."""
    backend, recorder = guarded(tmp_path, [["93.184.215.14"], ["127.0.0.1"]])
    with pytest.raises(httpcore.ConnectError):
        backend.connect_tcp(HOST, 443)
    assert recorder.sent == ["93.184.215.14"]


def test_a_check_of_the_name_alone_is_rebound(tmp_path: Path) -> None:
    """The twin: judge the name, then let the library look it up again to connect."""
    answers = [["93.184.215.14"], ["127.0.0.1"]]
    chosen = profile(tmp_path, f"https://{HOST}")

    def resolve(_host: str, _port: int) -> list[str]:
        return answers.pop(0)

    recorder = Recorder()
    Gate(chosen, resolve).addresses(HOST, 443)
    with pytest.raises(httpcore.ConnectError):
        recorder.connect_tcp(resolve(HOST, 443)[0], 443)
    assert recorder.sent == ["127.0.0.1"]


def test_a_name_that_changes_its_answer_is_judged_each_time(tmp_path: Path) -> None:
    backend, recorder = guarded(tmp_path, [["93.184.215.14"], ["127.0.0.1"]])
    with pytest.raises(httpcore.ConnectError):
        backend.connect_tcp(HOST, 443)
    with pytest.raises(ExportError, match="address_refused"):
        backend.connect_tcp(HOST, 443)
    assert recorder.sent == ["93.184.215.14"]


def test_an_internal_network_that_the_profile_names_may_be_reached(tmp_path: Path) -> None:
    backend, recorder = guarded(tmp_path, [["10.0.0.7"], ["10.1.0.7"]], networks=["10.0.0.0/16"])
    with pytest.raises(httpcore.ConnectError):
        backend.connect_tcp(HOST, 443)
    with pytest.raises(ExportError, match="address_refused"):
        backend.connect_tcp(HOST, 443)
    assert recorder.sent == ["10.0.0.7"]


@pytest.mark.parametrize("network", ["169.254.0.0/16", "127.0.0.0/8"])
def test_no_profile_opens_the_machine_or_the_cloud_it_runs_in(network: str, tmp_path: Path) -> None:
    backend, recorder = guarded(tmp_path, [["169.254.169.254"], ["127.0.0.1"]], networks=[network])
    for _ in range(2):
        with pytest.raises(ExportError, match="address_refused"):
            backend.connect_tcp(HOST, 443)
    assert recorder.sent == []


def test_a_server_that_moves_inside_during_an_export_gets_nothing(tmp_path: Path) -> None:
    """End to end: the name of the output host is rebound to this machine."""
    clock, elsewhere = FakeClock(), Elsewhere()
    server = BulkServer(clock)
    with serving(elsewhere) as other, serving(server) as base:
        port = other.rpartition(":")[2]
        server.change_manifest = lambda manifest: {
            **manifest,
            "output": [{"type": "Encounter", "url": f"https://files.example.org:{port}/e1"}],
        }
        chosen = profile(tmp_path, base, output_origins=[f"https://files.example.org:{port}"])
        options = Options(clock=clock, resolve=lambda host, _port: ["127.0.0.1"])
        with pytest.raises(ExportError, match="address_refused"):
            export(chosen, tmp_path / "home", options)
    assert elsewhere.asked == []


@pytest.mark.parametrize("requires", [True, False])
def test_a_file_elsewhere_that_is_allowed_gets_the_token_only_when_it_must(
    requires: bool, tmp_path: Path
) -> None:
    from tests.support.bulk_server.homes import auth, public_keys
    from tests.support.bulk_server.server import usual_files

    clock, elsewhere = FakeClock(), Elsewhere()
    server = BulkServer(clock, keys=public_keys())
    server.files = {"e1": usual_files()["e1"]}
    with serving(elsewhere) as other, serving(server) as base:
        server.change_manifest = lambda manifest: {
            **manifest,
            "requiresAccessToken": requires,
            "output": [{"type": "Encounter", "url": f"{other}/e1", "count": 30}],
        }
        chosen = profile(tmp_path, base, output_origins=[other], auth=auth(tmp_path))
        exported = export(chosen, tmp_path / "home", Options(clock=clock))
    assert exported.rows["Encounter"] == 30
    assert len(elsewhere.asked) == 1
    assert len(elsewhere.tokens) == (1 if requires else 0)


def test_a_redirect_to_an_allowed_place_leaves_the_token_behind(tmp_path: Path) -> None:
    from tests.support.bulk_server.answers import say
    from tests.support.bulk_server.homes import auth, public_keys
    from tests.support.bulk_server.scripts import always
    from tests.support.bulk_server.server import usual_files

    clock, elsewhere = FakeClock(), Elsewhere()
    server = BulkServer(clock, keys=public_keys())
    server.files = {"e1": usual_files()["e1"]}
    with serving(elsewhere) as other, serving(server) as base:
        server.script = always("file", lambda _: say(302, None, Location=f"{other}/e1"))
        chosen = profile(tmp_path, base, output_origins=[other], auth=auth(tmp_path))
        export(chosen, tmp_path / "home", Options(clock=clock))
    assert len(elsewhere.asked) == 1
    assert elsewhere.tokens == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "fhir.example.org",
        "//fhir.example.org",
        "ftp://fhir.example.org",
        "file:///etc/passwd",
        "http://fhir.example.org",
        "https://user@fhir.example.org",
        "https://user:secret@fhir.example.org",
        "https://fhir.example.org:0",
        "https://fhir.example.org:99999",
        "https://fhir.example.org:x",
        "https://fhir_example.org",
        "https://fhir.exämple.org",
        "https://fhir%2eexample.org",
        "https://",
        "https://[::1",
        "http://2130706433",
        "http://0x7f000001",
        "http://169.254.169.254",
    ],
)
def test_what_is_no_origin_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        origin_of(url)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://FHIR.example.org/fhir/", "https://fhir.example.org"),
        ("https://fhir.example.org:443/x?y#z", "https://fhir.example.org"),
        ("https://fhir.example.org:8443", "https://fhir.example.org:8443"),
        ("http://127.0.0.1:80/x", "http://127.0.0.1"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443"),
    ],
)
def test_an_origin_has_one_written_form(url: str, origin: str) -> None:
    assert origin_of(url) == origin
