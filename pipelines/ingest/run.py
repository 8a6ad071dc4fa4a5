"""Take in what waits: one ingest at a time, one delivery after the other.

Belongs here: the lock, sweeping, the order of several deliveries. Does not belong here: what
happens to one of them (``one_delivery``).

Most deliveries have one large file, which leaves a processor idle. So the files of those that
follow are on their way while those of one are waited for and its tables written. Commits keep their
order.
"""

from __future__ import annotations

import fcntl
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from anonymization.keys import Key
from pipelines.clients.delivered_files import Delivery, find_deliveries
from pipelines.ingest import ledger, restricted
from pipelines.ingest.doors import open_doors
from pipelines.ingest.errors import IngestBusyError
from pipelines.ingest.inbox import pending_deliveries, refused_deliveries
from pipelines.ingest.one_delivery import OneDelivery, Options, Started
from pipelines.ingest.result import DeliveryResult, FileResult, Progress
from pipelines.settings import Zones

_AHEAD = 4
"""Deliveries started ahead at most: a run that dies has to begin anew with all of them."""


def ingest_pending(
    zones: Zones,
    key: Key,
    progress: Progress | None = None,
    *,
    options: Options | None = None,
    inbox: str | Path | None = None,
) -> list[DeliveryResult]:
    """Take in all that waits, deliveries with persons first.

    Args:
        zones: The zones.
        key: Key of the pseudonyms.
        progress: Called as each file is done.
        options: How to run.
        inbox: Another inbox than the zone's, e.g. an fsspec URL.

    Returns:
        One result per delivery in the order taken, then one per delivery refused unread.

    Raises:
        IngestBusyError: Another ingest is running.
    """
    folders = [each.folder for each in pending_deliveries(zones, inbox)]
    taken = _take_in(folders, zones, key, _with_progress(options, progress)) if folders else []
    return taken + refused_deliveries(zones, inbox)


def ingest_delivery(
    delivery: Delivery,
    *,
    zones: Zones,
    key: Key,
    progress: Progress | None = None,
    options: Options | None = None,
) -> DeliveryResult:
    """Take one delivery in.

    Args:
        delivery: Its folder in an inbox.
        zones: The zones; made where they are missing.
        key: Key of the pseudonyms.
        progress: Called as each file is done.
        options: How to run.

    Returns:
        What became of it. A refusal is a result, not an exception.

    Raises:
        IngestBusyError: Another ingest is running.
        AccountingError: Lines got lost on the way: a fault of the program; nothing is committed.
    """
    (result,) = _take_in([delivery], zones, key, _with_progress(options, progress))
    return result


def ingest_refused(
    zones: Zones,
    key: Key,
    delivery_ids: Sequence[str] = (),
    *,
    options: Options | None = None,
    inbox: str | Path | None = None,
) -> list[tuple[str, FileResult]]:
    """Try refused files again, by the catalogue as it is now.

    Args:
        zones: The zones.
        key: Key of the pseudonyms.
        delivery_ids: Deliveries (``source__delivery``); all when none are named.
        options: How to run.
        inbox: Another inbox than the zone's, e.g. an fsspec URL.

    Returns:
        What became of each file that had been refused and whose delivery still lies in the inbox:
        id of the delivery, and the result.

    Raises:
        IngestBusyError: Another ingest is running.
    """
    refused = {
        (entry.source, entry.delivery): {f.name for f in entry.files if f.state == "refused"}
        for entry_id, entry in ledger.read_ledger(zones).items()
        if not delivery_ids or entry_id in delivery_ids
    }
    again = [
        delivery
        for delivery in find_deliveries(zones.inbox if inbox is None else inbox)
        if refused.get((delivery.source, delivery.name))
    ]
    if not again:
        return []
    results = _take_in(again, zones, key, replace(options or Options(), again=True))
    told: list[tuple[str, FileResult]] = []
    for result in results:
        names = refused[result.source, result.delivery]
        files = [file for file in result.files if file.name in names]
        if result.state == "refused":
            # The delivery as a whole: what it has brought before would not pass any more.
            files = [
                FileResult(name, "", "refused", 0, reason=result.reason, detail=result.detail)
                for name in sorted(names)
            ]
        told += [(f"{result.source}__{result.delivery}", file) for file in files]
    return told


@contextmanager
def alone(zones: Zones) -> Iterator[None]:
    """Hold the ingest lock; the operating system frees it when the process dies.

    Args:
        zones: The zones.

    Raises:
        IngestBusyError: Somebody else holds it.
    """
    descriptor = os.open(zones.restricted / ".ingest.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise IngestBusyError(
                f"Another ingest is writing to {zones.restricted}. Wait until it is done, and run "
                "again: what it has taken in is not taken in twice."
            ) from None
        yield
    finally:
        os.close(descriptor)


def _with_progress(options: Options | None, progress: Progress | None) -> Options:
    options = options or Options()
    return options if progress is None else replace(options, progress=progress)


def _take_in(
    deliveries: Sequence[Delivery], zones: Zones, key: Key, options: Options
) -> list[DeliveryResult]:
    zones.create()
    work = zones.identified / ".work"
    with alone(zones):
        ledger.sweep(zones, work)
        restricted.ensure_schemas(zones)
        ledger.ensure_delivery_schema(zones)
        try:
            with open_doors(
                work, options.threads, options.memory_limit_mib, options.limits
            ) as doors:
                return list(
                    _some_ahead(
                        (
                            OneDelivery(each, zones, key, options, work / each.id, doors)
                            for each in deliveries
                        ),
                        options.limits.rows_in_memory,
                    )
                )
        finally:
            ledger.sweep(zones, work)


def _some_ahead(deliveries: Iterable[OneDelivery], most_rows: int) -> Iterator[DeliveryResult]:
    """Finish one after the other, while some that follow have been started.

    Args:
        deliveries: The deliveries.
        most_rows: Rows past which no further delivery is started ahead; one always is.
    """
    started: deque[Started] = deque()
    for delivery in deliveries:
        started.append(delivery.start())
        while len(started) > 1 and (
            len(started) > _AHEAD
            or sum(each.rows for each in started) - started[0].rows > most_rows
        ):
            yield started.popleft().finish()
    while started:
        yield started.popleft().finish()
