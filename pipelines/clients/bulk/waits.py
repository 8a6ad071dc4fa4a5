"""How long to wait: what a server asks for, read in whatever unit, and clamped.

Belongs here: reading ``Retry-After`` and the growth of waits. Does not belong here: waiting.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from email.utils import parsedate_to_datetime

_EPOCH_SECONDS = 1_000_000_000
"""From here on a number is no wait but a moment, in seconds since 1970."""
_EPOCH_MILLISECONDS = 100_000_000_000
"""From here on, in milliseconds."""
_NUMBER = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,9})?)\s*(ms|s|sec|seconds)?", re.IGNORECASE)


def retry_after_seconds(value: str | None, now: dt.datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait, unclamped.

    Args:
        value: The header; seconds, an HTTP date, a date by ISO 8601, or a moment in seconds or
            milliseconds since 1970.
        now: The server's time if known, else ours.

    Returns:
        Seconds from now, at least 0; null where the header says nothing that can be read.
    """
    text = (value or "").strip()
    if number := _NUMBER.fullmatch(text):
        return _of_number(float(number[1]), (number[2] or "").lower(), now)
    moment = _moment(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def clamped(seconds: float | None, otherwise: float, shortest: float, longest: float) -> float:
    """A wait within its limits.

    Args:
        seconds: What is asked for; null or not a number: nothing.
        otherwise: The wait where nothing is asked for.
        shortest: Lower limit.
        longest: Upper limit; it prevails.
    """
    wanted = otherwise if seconds is None or not math.isfinite(seconds) else seconds
    return min(longest, max(shortest, wanted))


def backoff(tried: int) -> float:
    """Wait in seconds after so many failed tries, where the server names none: 1, 2, 4 … 64."""
    return float(2 ** min(max(tried, 1) - 1, 6))


def server_time(value: str | None) -> dt.datetime | None:
    """The ``Date`` header of an answer; null where there is none that can be read."""
    return _http_date((value or "").strip())


def _of_number(number: float, unit: str, now: dt.datetime) -> float:
    if unit == "ms":
        return number / 1000
    if unit or number < _EPOCH_SECONDS:
        return number
    moment = number / 1000 if number >= _EPOCH_MILLISECONDS else number
    return max(0.0, moment - now.timestamp())


def _moment(text: str) -> dt.datetime | None:
    found = _http_date(text)
    if found is not None:
        return found
    try:
        parsed = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else None


def _http_date(text: str) -> dt.datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    # RFC 9110: a date in this header is GMT, also where the zone is missing.
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=dt.UTC)
