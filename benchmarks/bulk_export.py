"""A bulk export by ``folkepuls fhir-export`` against smart-fetch, from one local server in one run.

Usage: python benchmarks/bulk_export.py --peer VENV/bin/smart-fetch [--mb 600] [--rounds 3]

The peer is smart-fetch 1.0.3 from PyPI in a virtual environment of its own (its dependencies are
not ours). Both are run as commands, taking turns, without authentication and without compression
of what they write. The server, a third process, keeps its files ready and says so at the second
question. Prints seconds, CPU seconds and peak memory of each command, best of the rounds. Ours
verifies hashes, counts, types, ids and duplicates as well. The aim: at most 1.1 times the seconds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import ClassVar, cast

TYPES = ("Condition", "Encounter", "Observation")
FILES_PER_TYPE = 4
TIME = "2026-01-05T03:00:00Z"


def resource(kind: str, n: int) -> dict[str, object]:
    """A resource of about the size that journals send."""
    return {
        "resourceType": kind,
        "id": f"{kind.lower()}-{n:012d}",
        "meta": {"versionId": "1", "lastUpdated": TIME},
        "subject": {"reference": f"Patient/patient-{n % 50_000:09d}"},
        "status": "finished",
        "code": {"coding": [{"system": "http://loinc.org", "code": f"{n % 9999}-{n % 10}"}]},
        "note": [{"text": "x" * (n % 300)}],
    }


def write_files(folder: Path, megabytes: int) -> dict[str, int]:
    """Files of the server by name, with their numbers of lines."""
    each = megabytes * 1_000_000 // (len(TYPES) * FILES_PER_TYPE)
    counts = {}
    number = 0
    for kind in TYPES:
        for part in range(FILES_PER_TYPE):
            name = f"{kind}-{part}.ndjson"
            rows = size = 0
            with (folder / name).open("w") as file:
                while size < each:
                    number += 1
                    rows += 1
                    size += file.write(json.dumps(resource(kind, number)) + "\n")
            counts[name] = rows
    return counts


class Handler(BaseHTTPRequestHandler):
    """What the server says; files, counts and questions asked are the class's own."""

    protocol_version = "HTTP/1.1"
    folder: ClassVar[Path]
    counts: ClassVar[dict[str, int]]
    polls: ClassVar[dict[str, int]] = {}

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if path.endswith("/metadata"):
            self._say(200, {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})
        elif path.endswith("$export"):
            job = str(len(self.polls))
            self.polls[job] = 0
            self._say(202, Content_Location=f"{self._base()}/status/{job}")
        elif path.startswith("/status/"):
            self._status(path.rpartition("/")[2])
        elif path.lstrip("/") in self.counts:
            self._file(self.folder / path.lstrip("/"))
        else:
            self._say(404)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815

    def _base(self) -> str:
        host, port, *_ = cast("tuple[str, int]", self.server.server_address)
        return f"http://{host}:{port}"

    def _say(self, status: int, content: object = None, **headers: str) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _status(self, job: str) -> None:
        self.polls[job] += 1
        if self.command == "DELETE":
            self._say(202)
        elif self.polls[job] < 2:
            self._say(202, Retry_After="1")
        else:
            output = [
                {"type": name.partition("-")[0], "url": f"{self._base()}/{name}", "count": rows}
                for name, rows in self.counts.items()
            ]
            ended = {"transactionTime": TIME, "requiresAccessToken": False, "error": []}
            request = f"{self._base()}/fhir/Group/g1/$export"
            self._say(200, {**ended, "request": request, "output": output})

    def _file(self, path: Path) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/fhir+ndjson")
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        self.wfile.flush()
        with path.open("rb") as stream:
            self.connection.sendfile(stream)


def serve(folder: Path, counts: dict[str, int], port: Connection) -> None:
    """The server, until the process is ended."""
    Handler.folder, Handler.counts = folder, counts
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.send(server.server_port)
    server.serve_forever()


def run(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak memory (MiB) of a command."""
    begun = perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = perf_counter() - begun
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(process.stderr.read().decode() if process.stderr else "failed")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def ours(work: Path, url: str) -> tuple[float, float, float]:
    """Our command."""
    home = work / "home"
    shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(work / "inbox", ignore_errors=True)
    profile = {
        "extends": "smart-reference",
        "source": "synthetic",
        "delivering_organisation": "sykehus",
        "base_url": url,
        "auth": None,
        "types": list(TYPES),
        "groups": [{"name": "g1", "id": "g1"}],
        "never_empty": [],
        "period_start": "2026-01-01",
        "budgets": {"first_poll_seconds": 0, "shortest_wait_seconds": 1},
    }
    (work / "bench.yml").write_text(json.dumps(profile))
    folkepuls = Path(sys.executable).with_name("folkepuls")
    command = [str(folkepuls), "fhir-export", "--profile", str(work / "bench.yml")]
    command += ["--out", str(work / "inbox")]
    return run(command, {**os.environ, "FOLKEPULS_HOME": str(home)})


def theirs(work: Path, url: str, peer: Path) -> tuple[float, float, float]:
    """The peer's command."""
    out = work / "peer"
    shutil.rmtree(out, ignore_errors=True)
    command = [str(peer), "bulk", "--fhir-url", url, "--group", "g1", "--no-compression"]
    command += ["--no-default-filters", "--type", ",".join(TYPES), str(out)]
    return run(command, {**os.environ, "HOME": str(work)})


def main() -> None:
    """Run both and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, required=True)
    parser.add_argument("--mb", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        files = work / "files"
        files.mkdir()
        counts = write_files(files, arguments.mb)
        here, there = multiprocessing.Pipe()
        server = multiprocessing.Process(target=serve, args=(files, counts, there), daemon=True)
        server.start()
        url = f"http://127.0.0.1:{here.recv()}/fhir"
        found: dict[str, list[tuple[float, float, float]]] = {"folkepuls": [], "smart-fetch": []}
        for _ in range(arguments.rounds):
            found["folkepuls"].append(ours(work, url))
            found["smart-fetch"].append(theirs(work, url, arguments.peer))
        got = sum(len(path.read_bytes().splitlines()) for path in work.glob("peer/*.ndjson"))
        server.terminate()
        print(f"{len(counts)} files, {sum(counts.values()):,} resources; the peer wrote {got:,}")
        for label, rounds in found.items():
            wall, cpu, peak = (min(each) for each in zip(*rounds, strict=True))
            print(f"{label:12} {wall:7.2f} s {cpu:7.2f} s CPU {peak:7.0f} MiB")
        walls = {label: min(wall for wall, _, _ in rounds) for label, rounds in found.items()}
        print(f"ratio {walls['folkepuls'] / walls['smart-fetch']:.2f} by the clock")


if __name__ == "__main__":
    main()
