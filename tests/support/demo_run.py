"""The ``folkepuls`` command as a process of its own, watched: what it said, used, reached for.

Belongs here: starting it on a home with a known key, cut off from the network, and killing it at a
moment. Does not belong here: what must come of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from pipelines.resources import dbt_fingerprint
from pipelines.settings import Zones
from tests.support.compiled_models import Dbt
from tests.support.cut_off import note

ROOT = Path(__file__).resolve().parents[2]
GUARD = Path(__file__).resolve().parent / "egress_guard"
CUT_OFF = Path(__file__).resolve().parent / "cut_off.py"
SCALE, SEED = "0.01", "20231103"
DEMONSTRATION = ("demo", "--scale", SCALE, "--seed", SEED, "--no-serve")
LONGEST = 1800.0
COMMAND = "from pipelines.cli import main; main()"
REFINING = ("quality__journal", "catalogue_tables", "dbt_pre_strata", "doors__strata_map")
"""Steps after the ingest, as the lines of progress name them."""

# A key that everybody may know: it protects nobody, and makes pseudonyms the same everywhere.
KEY_FILE = (
    '{"version": 1, "keys": [{"id": "tests", "epoch": 1, "secret": "'
    + bytes(range(32)).hex()
    + '"}]}\n'
)


@dataclass(frozen=True)
class Finished:
    """A process that has ended: exit code, what it said, and the CPU seconds of all of it."""

    code: int
    stdout: str
    stderr: str
    cpu: float


@dataclass(frozen=True)
class Home:
    """A data folder with its key, and beside it what its processes said.

    Attributes:
        path: The data folder.
        key_file: The pseudonym key.
        said: Folder of what processes wrote to stdout and stderr, and of the guards' notes.
    """

    path: Path
    key_file: Path
    said: Path

    @classmethod
    def at(cls, folder: Path) -> Home:
        """The home that was made under a folder."""
        return cls(folder / "home", folder / "keys" / "keys.json", folder / "said")

    @classmethod
    def under(cls, folder: Path) -> Home:
        """A new home with the tests' key."""
        made = cls.at(folder)
        for path in (made.path, made.key_file.parent, made.said):
            path.mkdir(mode=0o700, parents=True)
        made.key_file.touch(mode=0o600)
        made.key_file.write_text(KEY_FILE)
        return made

    @property
    def zones(self) -> Zones:
        """Its zones."""
        return Zones(self.path)

    @property
    def egress_log(self) -> Path:
        """Attempts of Python processes to reach another machine, one a line."""
        return self.said / "egress.log"

    @property
    def kernel_counters(self) -> Path:
        """What the kernel found no route for, a line for every process that was cut off."""
        return self.said / "kernel.txt"

    def without_route(self) -> int | None:
        """Attempts that the kernel found no route for; null where nothing was cut off.

        Of all processes that were cut off, those among them that were killed.
        """
        if not self.kernel_counters.exists():
            return None
        return sum(int(count) for count in self.kernel_counters.read_text().split())

    def start(
        self, *arguments: str, threads: int = 2, cut_off: bool = False
    ) -> subprocess.Popen[bytes]:
        """Start ``folkepuls`` with arguments, in a process group of its own."""
        return self.start_python(COMMAND, *arguments, threads=threads, cut_off=cut_off)

    def start_python(
        self, code: str, *arguments: str, threads: int = 2, cut_off: bool = False
    ) -> subprocess.Popen[bytes]:
        """Start Python on some code as ``start`` starts the command."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FOLKEPULS_")} | {
            "FOLKEPULS_HOME": str(self.path),
            "FOLKEPULS_KEY_FILE": str(self.key_file),
            "FOLKEPULS_THREADS": str(threads),
            "PYTHONPATH": str(GUARD),
            "EGRESS_LOG": str(self.egress_log),
        }
        command = [sys.executable, "-c", code, *arguments]
        if cut_off and can_cut_off():
            alone = [sys.executable, str(CUT_OFF), str(self.kernel_counters)]
            command = ["unshare", "-rn", *alone, *command]
        with (self.said / "stdout").open("ab") as out, (self.said / "stderr").open("ab") as err:
            return subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=out, stderr=err, start_new_session=True
            )

    def run(self, *arguments: str, threads: int = 2, cut_off: bool = False) -> Finished:
        """Run ``folkepuls`` to its end."""
        before = [len(self.text(name)) for name in ("stdout", "stderr")]
        process = self.start(*arguments, threads=threads, cut_off=cut_off)
        watchdog = threading.Timer(LONGEST, kill, [process])
        watchdog.start()
        _, status, usage = os.wait4(process.pid, 0)
        watchdog.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out, err = (self.text(n)[b:] for n, b in zip(("stdout", "stderr"), before, strict=True))
        return Finished(process.returncode, out, err, usage.ru_utime + usage.ru_stime)

    def call(self, *arguments: str) -> Finished:
        """Do as ``run`` in this process, which has loaded Dagster and dbt's project before.

        Starting a process and parsing the project for a home of its own takes 15 seconds. What
        looks at a process itself (CPU, kills, the network) is for ``run``.
        """
        from pipelines.cli import main

        out, err, before = io.StringIO(), io.StringIO(), time.process_time()
        with pytest.MonkeyPatch.context() as patched:
            for name in [name for name in os.environ if name.startswith("FOLKEPULS_")]:
                patched.delenv(name)
            patched.setenv("FOLKEPULS_HOME", str(self.path))
            patched.setenv("FOLKEPULS_KEY_FILE", str(self.key_file))
            patched.setattr(sys, "argv", ["folkepuls", *arguments])
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = _exit_code(main)
        return Finished(code, out.getvalue(), err.getvalue(), time.process_time() - before)

    def lend(self, dbt: Dbt) -> None:
        """Give it the tests' parsed dbt project, for commands that read it and run nothing of it.

        A process of its own need not parse it then, which takes ten seconds.
        """
        lent, own = (zones.state / "dbt" / "target" for zones in (dbt.settings.zones, self.zones))
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy2(lent / "manifest.json", own)
        (own / "fingerprint").write_text(f"{dbt_fingerprint()} {self.zones.home}")

    def run_until(
        self, *arguments: str, marker: str, times: int, delay: float, cut_off: bool = False
    ) -> None:
        """Start ``folkepuls``, and kill it with all its children some seconds after a line.

        Args:
            arguments: As for ``start``.
            marker: Text of a line of progress.
            times: How often it must have been said.
            delay: Seconds after that.
            cut_off: Away from any other machine, where that can be had.

        Raises:
            AssertionError: The process had ended by itself.
        """
        before = self.text("stderr").count(marker)
        process = self.start(*arguments, cut_off=cut_off)
        deadline = time.monotonic() + LONGEST
        while self.text("stderr").count(marker) < before + times:
            if process.poll() is not None or time.monotonic() > deadline:
                kill(process)
                raise AssertionError(f"{arguments} ended before {marker!r}: {self.text('stderr')}")
            time.sleep(0.05)
        time.sleep(delay)
        alive = process.poll() is None
        if alive and cut_off and can_cut_off():
            note(self.kernel_counters, process.pid)
        kill(process)
        if not alive:
            raise AssertionError(f"{arguments} ended within {delay:.1f} s of {marker!r}")

    def text(self, name: str) -> str:
        """What all processes of this home said so far to ``stdout`` or ``stderr``."""
        path = self.said / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def run_states(self) -> dict[str, int]:
        """Dagster's runs by status."""
        connection = sqlite3.connect(self.zones.state / "dagster" / "history" / "runs.db")
        try:
            rows = connection.execute("select status, count(*) from runs group by status")
            return dict(rows.fetchall())
        finally:
            connection.close()

    def copy_to(self, folder: Path, *parts: str) -> Home:
        """A new home that holds copies of some parts of this one (folders or files)."""
        made = Home.under(folder)
        made.zones.create()
        for part in parts:
            source, target = self.path / part, made.path / part
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy2(source, target)
        return made


def _exit_code(main: Callable[[], None]) -> int:
    """What a command ends with; it sets this process's umask, which comes back."""
    mask = os.umask(0o077)
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        os.umask(mask)
    return 0


@dataclass(frozen=True)
class Demo:
    """The demonstration's home: killed in its ingest and after it, and then gone through.

    Attributes:
        home: The home.
        open_after_kill: Runs that Dagster took for unfinished after each kill.
        shown_after_kill: What lay in the published folder after each kill.
        left_over: What was half done and lay there in the end.
        ended: How the command ended that went through.
    """

    home: Home
    open_after_kill: list[int]
    shown_after_kill: list[list[str]]
    left_over: list[str]
    ended: Finished


@cache
def can_cut_off() -> bool:
    """Whether a process may be given a network without any route."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    return tried.returncode == 0


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it started, and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def canonical_hash(path: Path) -> str:
    """SHA-256 over a Parquet file's rows, columns and rows sorted."""
    frame = pl.read_parquet(path)
    ordered = frame.select(sorted(frame.columns))
    return hashlib.sha256(ordered.sort(ordered.columns).write_csv().encode()).hexdigest()


def parquet_hashes(folder: Path) -> dict[str, str]:
    """``canonical_hash`` of every Parquet file below a folder, by its path there."""
    return {
        str(path.relative_to(folder)): canonical_hash(path)
        for path in sorted(folder.rglob("*.parquet"))
    }


def open_runs(home: Home) -> int:
    """Number of Dagster runs that have not come to an end."""
    ended = {"SUCCESS", "FAILURE", "CANCELED"}
    return sum(count for status, count in home.run_states().items() if status not in ended)


def half_done(home: Home) -> list[str]:
    """What a process that was killed could have left, by its path in the home."""
    return [
        str(path.relative_to(home.path))
        for path in sorted(home.path.rglob("*"))
        if path.suffix in {".tmp", ".wal"} or path.name.endswith(".building")
    ]
