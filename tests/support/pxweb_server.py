"""A PxWebApi v2 of our own on loopback: table 07459 in small, with its limits and moods.

Belongs here: what the server says, in sound and unsound ways, and the clock it shares with whoever
asks. Does not belong here: what a client must make of it.

The forms are those of PxTools/PxApiSpecs (PxAPI-2.yml): limits in ``/config``, JSON-stat 2 as
metadata and data, errors as ``application/problem+json``.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

PROBLEM = "application/problem+json"
JSON = "application/json"
Document = dict[str, Any]
Change = Callable[[Document], Any]


class FakeClock:
    """Time that passes when somebody waits, and at no other time."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.waits.append(seconds)
        self.seconds += seconds

    def now(self) -> dt.datetime:
        return dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC) + dt.timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class Mood:
    """One reply out of turn, to the next call whose path holds a word."""

    where: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut_off: bool = False


def problem(title: str, status: int, detail: str = "") -> bytes:
    return json.dumps({"title": title, "status": status, "detail": detail}).encode()


def persons(region: str, sex: str, age: str, year: str) -> int:
    """Persons in a cell of this server's table; a number that no other cell has, nearly."""
    code = int(region.removeprefix("K-"))
    return (code * 31 + int(sex) * 17 + int(age.removesuffix("+")) * 7 + int(year)) % 97 + 1


@dataclass
class Table:
    """The table as this server has it."""

    regions: tuple[str, ...] = ("0", "1505", "1507", "1508", "1580", "5001")
    summed: tuple[str, ...] = ("K-1505", "K-1508", "K-1580", "K-5001", "K-Rest")
    sexes: Mapping[str, str] = field(default_factory=lambda: {"2": "Kvinner", "1": "Menn"})
    ages: tuple[str, ...] = ("000", "001", "002", "003", "004", "005+")
    years: tuple[str, ...] = ("2019", "2020", "2021", "2022", "2023", "2024", "2025", "2026")
    updated: str = "2026-02-24T07:00:00Z"

    def codes(self) -> dict[str, tuple[str, ...]]:
        return {
            "Region": self.regions,
            "Kjonn": tuple(self.sexes),
            "Alder": self.ages,
            "ContentsCode": ("Personer1",),
            "Tid": self.years,
        }

    def label(self, variable: str, code: str) -> str:
        if variable == "Kjonn":
            return self.sexes[code]
        return f"{code} år eller eldre" if code.endswith("+") else f"{variable} {code}"

    def dataset(self, codes: Mapping[str, tuple[str, ...]]) -> Document:
        """A dataset without values."""
        return {
            "version": "2.0",
            "class": "dataset",
            "label": "07459: Befolkning",
            "source": "Statistisk sentralbyrå",
            "updated": self.updated,
            "id": list(codes),
            "size": [len(each) for each in codes.values()],
            "role": {"time": ["Tid"], "metric": ["ContentsCode"], "geo": ["Region"]},
            "dimension": {
                name: {
                    "label": name,
                    "category": {
                        "index": {code: place for place, code in enumerate(each)},
                        "label": {code: self.label(name, code) for code in each},
                    },
                    "extension": {"elimination": name not in ("ContentsCode", "Tid")}
                    | ({"codelists": [{"id": "agg_KommSummer"}]} if name == "Region" else {}),
                }
                for name, each in codes.items()
            },
            "value": None,
        }

    def data(self, codes: Mapping[str, tuple[str, ...]]) -> Document:
        cells = itertools.product(*codes.values())
        return self.dataset(codes) | {
            "value": [persons(*(cell[list(codes).index(name)] for name in CELL)) for cell in cells]
        }


CELL = ("Region", "Kjonn", "Alder", "Tid")


class PxWebServer:
    """The server while it runs.

    Attributes:
        table: What it serves; may be changed.
        config: Its limits and licence.
        moods: Replies out of turn, each given once.
        change: Changes a document before it is sent, by a word of its path; what it returns, if
            anything, is sent in its place.
        cells_status: Status for too many cells.
        calls: Method, path and body of each call.
        refused: Calls that were answered with 429 for there were too many.
    """

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.table = Table()
        self.config: Document = {
            "apiVersion": "2.0",
            "maxDataCells": 800_000,
            "maxCallsPerTimeWindow": 30,
            "timeWindow": 60,
            "license": "https://creativecommons.org/licenses/by/4.0/",
        }
        self.moods: list[Mood] = []
        self.change: dict[str, Change] = {}
        self.cells_status = 403
        self.calls: list[tuple[str, str, Document | None]] = []
        self.refused = 0
        self._times: list[float] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/api/v2"

    def data_calls(self) -> list[Document]:
        return [body for _, path, body in self.calls if path.endswith("/data") and body]

    def answer(self, method: str, path: str, body: Document | None) -> Mood:
        """What a call is answered with."""
        self.calls.append((method, path, body))
        for mood in self.moods:
            if mood.where in path:
                self.moods.remove(mood)
                return mood
        if self._too_often():
            self.refused += 1
            said = problem("Too many requests", 429, "30 request per minute.")
            return Mood(path, 429, {"Content-Type": PROBLEM}, said)
        return self._document(path, body)

    def _too_often(self) -> bool:
        now = self.clock.monotonic()
        self._times = [at for at in self._times if at > now - self.config_number("timeWindow")]
        if len(self._times) >= self.config_number("maxCallsPerTimeWindow"):
            return True
        self._times.append(now)
        return False

    def config_number(self, name: str) -> int:
        value = self.config.get(name)
        return value if isinstance(value, int) else 10**6

    def _document(self, path: str, body: Document | None) -> Mood:
        if path.endswith("/config"):
            return self._sent(path, dict(self.config))
        if path.endswith("/tables/07459/metadata"):
            return self._sent(path, self.table.dataset(self.table.codes()))
        if path.endswith("/codelists/agg_KommSummer"):
            values = [{"code": code, "label": code, "valueMap": []} for code in self.table.summed]
            return self._sent(path, {"id": "agg_KommSummer", "values": values})
        if path.endswith("/tables/07459/data") and body:
            return self._data(path, body)
        return Mood(path, 404, {"Content-Type": PROBLEM}, problem("Non-existent table", 404))

    def _data(self, path: str, body: Document) -> Mood:
        codes: dict[str, tuple[str, ...]] = {}
        for one in body["selection"]:
            name, known = one["variableCode"], self.table.codes().get(one["variableCode"])
            known = self.table.summed if one.get("codelist") else known
            if known is None or set(one["valueCodes"]) - set(known):
                said = problem("Non-existent value", 400)
                return Mood(path, 400, {"Content-Type": PROBLEM}, said)
            codes[name] = tuple(code for code in known if code in one["valueCodes"])
        if set(codes) != set(self.table.codes()):
            said = problem("Missing selection for mandantory variable", 400)
            return Mood(path, 400, {"Content-Type": PROBLEM}, said)
        codes = {name: codes[name] for name in self.table.codes()}
        cells = 1
        for each in codes.values():
            cells *= len(each)
        if cells > self.config_number("maxDataCells"):
            said = problem("Too many cells selected", self.cells_status, "Too many cells selected")
            return Mood(path, self.cells_status, {"Content-Type": PROBLEM}, said)
        return self._sent(path, self.table.data(codes))

    def _sent(self, path: str, document: Document) -> Mood:
        given: Any = document
        for word, change in self.change.items():
            if word in path:
                made = change(document)
                given = document if made is None else made
        content = given if isinstance(given, bytes) else json.dumps(given).encode()
        return Mood(path, 200, {"Content-Type": f"{JSON}; charset=utf-8"}, content)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._reply(None)

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                self._reply(json.loads(self.rfile.read(length)))

            def _reply(self, body: Document | None) -> None:
                mood = server.answer(self.command, urlsplit(self.path).path, body)
                self.send_response(mood.status)
                for name, value in mood.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(mood.body)))
                self.end_headers()
                self.wfile.write(mood.body[: len(mood.body) // 2] if mood.cut_off else mood.body)
                if mood.cut_off:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
