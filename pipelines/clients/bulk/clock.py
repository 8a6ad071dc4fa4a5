"""Time as the client sees it, in one place, so that tests need not wait.

Belongs here: now, and sleeping. Does not belong here: how long anybody waits (``waits``).
"""

from __future__ import annotations

import datetime as dt
import time


class Clock:
    """The machine's clock."""

    def now(self) -> dt.datetime:
        """Time of day, in UTC."""
        return dt.datetime.now(dt.UTC)

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class Deadline:
    """A point of time that nothing goes past.

    Args:
        clock: The clock.
        seconds: From now.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._end = clock.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left, never less than none."""
        return max(0.0, self._end - self._clock.monotonic())
