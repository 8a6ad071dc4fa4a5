"""Readers of the planner's pages at once, over Streamlit's own socket.

Usage: python benchmarks/load.py [--home DIR] [--users 10] [--think 5] [--processes 1] [--minutes 2]
           [--stay 20] [--visits 5]

Each reader opens a session on a real server process and follows links: another page, area,
indicator or tab every few seconds (the time to think is drawn evenly between half and one and a
half of ``--think``); after ``--stay`` actions it leaves, and another comes in a new session. A
*page action* is measured from the request to run the script until the server says that it has
finished and everything is sent. What it leaves out: the reader's own browser, which draws what it
is sent, and the network. With two processes each reader stays with one of them, as behind a proxy
that remembers; the proxy itself is left out.

Afterwards one reader alone visits every kind of page ``--visits`` times, and the server's processor
time of each kind is told: which page to look at first.

Prints the cold start (process started until the first page is sent whole), percentiles of the
actions, the server's processor time per action, errors, and each process's memory as time went,
with whether it grew in the last third. Bars: 10 readers, 5 s, one process: p95 at most 0.5 s; 50
readers, 10 s, two processes: p95 at most 1 s; cold start at most 6 s; no growth after an hour.

What an hour does to the memory is seen in a quarter of it: ``--think 0.2 --minutes 15`` makes more
than 20 000 actions in 1 000 sessions, where ten readers at 5 s make 7 000 in 350 in an hour. It
holds some 20 MiB more than they would, because Streamlit keeps the last 128 sessions that left
within two minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboards.data_access import Release, current_release
from tests.support.published_release import write_release

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("oversikt", "kommune", "indikator", "samhandling", "sammenlign", "befolkning", "finn")
TABS = ("trend", "compare", "sex_age", "table", "definition", "download")
CLOCK = os.sysconf("SC_CLK_TCK")
PATIENCE = 60.0
WEIGHED = 120
GROWTH = 0.01
"""Of memory within the last third of the time, by half: what lies below is noise."""
WARM = 7000
"""Actions of a process after which what its pages keep is full, which it grows by until then."""


@dataclass
class Server:
    """A server process.

    Attributes:
        process: The process.
        port: Its port on the loopback address.
    """

    process: subprocess.Popen[bytes]
    port: int

    @property
    def cpu_seconds(self) -> float:
        """Processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK

    @property
    def mebibytes(self) -> float:
        """Memory that it holds."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True)
class Weighed:
    """What the servers held at a moment.

    Attributes:
        minutes: Since the readers came.
        actions: Page actions until then.
        sessions: Opened until then.
        mebibytes: Of each process.
    """

    minutes: float
    actions: int
    sessions: int
    mebibytes: list[float]


@dataclass
class Noted:
    """What the readers met: kind of page and seconds of each action, what went wrong, sessions."""

    actions: list[tuple[str, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    sessions: int = 0

    @property
    def seconds(self) -> list[float]:
        """Of all actions."""
        return [seconds for _kind, seconds in self.actions]

    def by_kind(self) -> dict[str, list[float]]:
        """Seconds by kind of page, in the order of their names."""
        found: dict[str, list[float]] = {}
        for kind, seconds in sorted(self.actions):
            found.setdefault(kind, []).append(seconds)
        return found


def start(home: Path, stack: ExitStack) -> Server:
    """Start a server process, which ends with the stack."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {**os.environ, "FOLKEPULS_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "streamlit", "run", "dashboards/app.py",
               "--server.address", "127.0.0.1", "--server.port", str(port)]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return Server(process, port)


def choices(release: Release, draw: random.Random) -> tuple[str, str]:
    """A page, and an address of it as a link has it."""
    asked = {
        "lang": draw.choice(("nb", "nn", "en")),
        "area": draw.choice(release.areas(release.years[0])["area_code"].to_list()),
        "indicator": draw.choice(release.indicators)["indicator_id"],
        "tab": draw.choice(TABS),
        "year": draw.choice(release.years),
    }
    return draw.choice(PAGES), urlencode(asked)


async def connected(port: int) -> websockets.ClientConnection:
    """A socket to the server, as soon as it listens."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return await websockets.connect(
                f"ws://127.0.0.1:{port}/_stcore/stream",
                origin=websockets.Origin(f"http://127.0.0.1:{port}"),
                subprotocols=[websockets.Subprotocol("streamlit")],
                max_size=None,
            )
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)


async def act(line: websockets.ClientConnection, page: str, query: str, noted: Noted) -> None:
    """One page action; a page that failed is noted as an error."""
    asked = BackMsg()
    asked.rerun_script.page_name = page
    asked.rerun_script.query_string = query
    began = time.perf_counter()
    await line.send(asked.SerializeToString())
    async with asyncio.timeout(PATIENCE):
        while True:
            message = ForwardMsg.FromString(await line.recv())
            kind = message.WhichOneof("type")
            if kind == "delta" and message.delta.new_element.WhichOneof("type") in (
                "exception", "alert",
            ):  # fmt: skip
                noted.errors.append(f"{page}?{query}")
            if kind == "script_finished" and message.script_finished != (
                ForwardMsg.FINISHED_EARLY_FOR_RERUN
            ):
                break
    noted.actions.append((kind_of(page, query), time.perf_counter() - began))


def kind_of(page: str, query: str) -> str:
    """A page's name, and of an indicator's page its tab as well."""
    tab = dict(parse_qsl(query)).get("tab", TABS[0])
    return f"{page}:{tab}" if page == "indikator" else page


async def read(
    server: Server, release: Release, seed: int, asked: argparse.Namespace, noted: Noted
) -> None:
    """A place at the table until the time is up: when one reader leaves, another comes."""
    draw, until = random.Random(seed), time.monotonic() + asked.minutes * 60
    await asyncio.sleep(draw.uniform(0, asked.think))
    while time.monotonic() < until:
        async with await connected(server.port) as line:
            noted.sessions += 1
            for _action in range(asked.stay):
                await act(line, *choices(release, draw), noted)
                await asyncio.sleep(draw.uniform(0.5, 1.5) * asked.think)
                if time.monotonic() >= until:
                    break


async def measure(asked: argparse.Namespace, home: Path) -> None:
    """Start the servers, let the readers read, and print what was found."""
    release = current_release(home)
    with ExitStack() as stack:
        began = time.monotonic()
        servers = [start(home, stack)]
        async with await connected(servers[0].port) as line:
            await act(line, "oversikt", "lang=nb", Noted())
        print(f"cold start to first page   {time.monotonic() - began:8.2f} s, "
              f"{servers[0].cpu_seconds:.2f} s of processor time")  # fmt: skip
        servers += [start(home, stack) for _ in range(asked.processes - 1)]
        for server in servers[1:]:
            async with await connected(server.port) as line:
                await act(line, "oversikt", "lang=nb", Noted())
        used, noted = sum(server.cpu_seconds for server in servers), Noted()
        readers = [
            read(servers[place % len(servers)], release, place, asked, noted)
            for place in range(asked.users)
        ]
        weighing = asyncio.create_task(weigh(servers, asked.minutes, noted))
        await asyncio.gather(*readers)
        held = await weighing
        report(noted, sum(server.cpu_seconds for server in servers) - used)
        told(held)
        await walk(servers[0], release, asked.visits)


async def weigh(servers: list[Server], minutes: float, noted: Noted) -> list[Weighed]:
    """What the servers hold, ``WEIGHED`` times at even distances until the time is up."""
    held, began = [], time.monotonic()
    for place in range(1, WEIGHED + 1):
        await asyncio.sleep(began + minutes * 60 * place / WEIGHED - time.monotonic())
        held.append(Weighed(
            (time.monotonic() - began) / 60, len(noted.actions), noted.sessions,
            [server.mebibytes for server in servers],
        ))  # fmt: skip
    return held


async def walk(server: Server, release: Release, visits: int) -> None:
    """One reader on every kind of page in turn; prints what each costs the server."""
    draw = random.Random(len(PAGES))
    print(f"{'alone, by kind of page':27}{'median':>8}{'processor':>12}")
    async with await connected(server.port) as line:
        for page, tab in [(name, tab) for name in PAGES
                          for tab in (TABS if name == "indikator" else TABS[:1])]:  # fmt: skip
            noted, used = Noted(), server.cpu_seconds
            for _visit in range(visits):
                _page, query = choices(release, draw)
                await act(line, page, urlencode({**dict(parse_qsl(query)), "tab": tab}), noted)
            kind, cpu = kind_of(page, f"tab={tab}"), (server.cpu_seconds - used) / visits
            print(f"  {kind:25}{statistics.median(noted.seconds):8.3f}{cpu:10.3f} s")


def told(held: list[Weighed]) -> None:
    """Print what each process held as time went, and whether it grew in the last third."""
    print("memory: minute   actions  sessions  MiB of each process")
    for one in held[WEIGHED // 12 - 1 :: WEIGHED // 12]:
        weights = "".join(f"{size:8.0f}" for size in one.mebibytes)
        print(f"{one.minutes:14.1f}{one.actions:10d}{one.sessions:10d}{weights}")
    # Medians of a sixth of the time: a page being drawn weighs more than one that is sent.
    sixth = WEIGHED // 6
    for place in range(len(held[0].mebibytes)):
        sizes = [one.mebibytes[place] for one in held]
        middle, last = (statistics.median(sizes[-2 * sixth : -sixth]),
                        statistics.median(sizes[-sixth:]))  # fmt: skip
        grown = last / middle - 1
        verdict = "grew" if grown > GROWTH else "did not grow"
        if held[-1].actions < WARM * len(held[-1].mebibytes):
            verdict = f"had fewer than {WARM} actions, too few to tell: it changed"
        print(f"process {place + 1} {verdict} in the last third: {middle:.0f} MiB in its first "
              f"half, {last:.0f} in its second ({grown:+.1%}; bar {GROWTH:+.0%})")  # fmt: skip


def report(noted: Noted, cpu: float) -> None:
    """Print the actions' percentiles and what they cost the server."""
    cuts = statistics.quantiles(noted.seconds, n=100, method="inclusive")
    print(f"page actions               {len(noted.seconds):8d}, {len(noted.errors)} errors")
    for name, at in (("median", 49), ("p95", 94), ("p99", 98)):
        print(f"{name:27}{cuts[at]:8.3f} s")
    print(f"server processor per action{cpu / len(noted.seconds):8.3f} s")
    print(f"{'by kind of page':27}{'count':>8}{'median':>8}{'p95':>8}{'most':>8}")
    for kind, seconds in noted.by_kind().items():
        ordered = sorted(seconds)
        high = ordered[int(0.95 * (len(ordered) - 1))]
        print(f"  {kind:25}{len(ordered):8d}{statistics.median(ordered):8.3f}{high:8.3f}"
              f"{ordered[-1]:8.3f}")  # fmt: skip
    for address in noted.errors[:5]:
        print(f"error at {address}")


def main() -> None:
    """Run the benchmark on a data folder, or on a release made for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--think", type=float, default=5.0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--stay", type=int, default=20)
    parser.add_argument("--visits", type=int, default=5)
    asked = parser.parse_args()
    # Whoever ends this process ends the servers with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory() as made:
        home = asked.home or Path(made)
        if asked.home is None:
            write_release(home)
        asyncio.run(measure(asked, home))


if __name__ == "__main__":
    main()
