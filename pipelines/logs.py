"""Where logs go, and what may be in them.

Belongs here: the one configuration of structlog, and the allow-list of fields. Does not belong
here: saying anything. A log carries counts and names; a field that nobody has allowed is dropped,
and how many were is kept, so that a careless line loses its content and not its trace.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

from pipelines.settings import Zones

ALLOWED = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "delivery",
        "source",
        "entity",
        "table",
        "file",
        "step",
        "state",
        "reason",
        "error",
        "loaded",
        "quarantined",
        "refused_files",
        "rows",
        "seconds",
        "release",
    }
)


def allowed_only(
    _logger: object, _method: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drop every field that is not on the list, and say how many were dropped."""
    dropped = [name for name in entry if name not in ALLOWED]
    for name in dropped:
        del entry[name]
    if dropped:
        entry["dropped_fields"] = len(dropped)
    return entry


@contextmanager
def logs_in(zones: Zones) -> Iterator[None]:
    """Send structured logs to ``state/logs/folkepuls.jsonl``, a JSON object per line.

    Args:
        zones: The zones, already made.
    """
    path = zones.state / "logs" / "folkepuls.jsonl"
    with path.open("a", encoding="utf-8") as file:
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                allowed_only,
                structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=True),
            ],
            logger_factory=structlog.WriteLoggerFactory(file=file),
            cache_logger_on_first_use=False,
        )
        try:
            yield
        finally:
            structlog.reset_defaults()
