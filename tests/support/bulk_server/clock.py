"""A clock that jumps instead of waiting; server and client look at the same one."""

from __future__ import annotations

import datetime as dt
import threading

from pipelines.clients.bulk.clock import Clock

START = dt.datetime(2025, 3, 3, 9, 0, tzinfo=dt.UTC)
HANG_SECONDS = 6 * 3600.0


class HangError(RuntimeError):
    """Somebody would have waited for hours."""


class FakeClock(Clock):
    """Starts at a fixed moment and moves when somebody sleeps, or is told to.

    Attributes:
        slept: Every wait in seconds, in order.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passed = 0.0
        self.slept: list[float] = []

    def now(self) -> dt.datetime:
        return START + dt.timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._passed += seconds
        if self._passed > HANG_SECONDS:
            raise HangError

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._passed += seconds
