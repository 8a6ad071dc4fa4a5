"""When the next call may be made: the server's limit on calls, and what it asked to wait.

Belongs here: all waiting, by a clock that is given. Does not belong here: calls.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 300.0
"""Seconds past which no server makes us wait, whatever it says."""
SHORTEST_WAIT = 1.0
_SECONDS = re.compile(r"-?\d{1,15}(\.\d{1,6})?")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Clock:
    """The time, given from outside so that tests need not wait.

    Attributes:
        monotonic: Seconds since any moment, never going back.
        sleep: Waits some seconds.
        now: The time of day (UTC).
    """

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], dt.datetime] = _now


class Pace:
    """Keeps calls within a limit per time window, over tries and calls alike.

    Args:
        clock: The time.
        calls: Most calls in a window. Until the server has told: the documented 30.
        window: Length of a window (seconds), 60 until the server has told.
    """

    def __init__(self, clock: Clock, calls: int = 30, window: float = 60.0) -> None:
        self.window = window
        self._calls = calls
        self._clock = clock
        self._made: deque[float] = deque()
        self._not_before = clock.monotonic()

    def limit(self, calls: int, window: float) -> None:
        """Take the server's own limit.

        Args:
            calls: Most calls in a window, 1 or more.
            window: Length of a window (seconds).
        """
        self._calls, self.window = calls, window

    def pause(self, seconds: float) -> None:
        """Make no call for some seconds, clamped to 1 and ``LONGEST_WAIT``."""
        wait = min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)
        self._not_before = max(self._not_before, self._clock.monotonic() + wait)

    def next_call(self) -> None:
        """Wait until a call may be made, and count it."""
        while (wait := self._wait()) > 0:
            self._clock.sleep(wait)
        self._made.append(self._clock.monotonic())

    def _wait(self) -> float:
        now = self._clock.monotonic()
        while self._made and self._made[0] <= now - self.window:
            self._made.popleft()
        # The call that must have left the window before another one fits in.
        oldest = self._made[-self._calls] if len(self._made) >= self._calls else None
        room = oldest + self.window - now if oldest is not None else 0.0
        return max(room, self._not_before - now)


def asked_wait(header: str | None, now: dt.datetime) -> float | None:
    """Seconds that a ``Retry-After`` asks for, null where it says nothing readable.

    Args:
        header: Seconds or an HTTP date, as it came.
        now: The time of day (UTC).
    """
    text = (header or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return (aware - now).total_seconds()
