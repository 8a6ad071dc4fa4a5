"""The threads that take delivered files through the door, and a parser for each of them.

Belongs here: how many files are on their way at once, and with what memory. Does not belong here:
what happens to a file (``files``), the order of deliveries (``run``).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import LifoQueue

from pipelines.clients.delivered_files import ManifestFile
from pipelines.ingest.files import Passed, Refused, Way, pass_file
from pipelines.ingest.limits import Limits
from pipelines.ingest.parse import Parser

_LEAST_MIB = 256


@dataclass(frozen=True)
class Doors:
    """Open doors; see ``open_doors``."""

    _pool: ThreadPoolExecutor
    _parsers: LifoQueue[Parser]

    def send(
        self, way: Way, file: ManifestFile, position: int, work: Path
    ) -> Future[Passed | Refused]:
        """Send a file on its way; the arguments are those of ``pass_file``."""

        def through() -> Passed | Refused:
            parser = self._parsers.get()
            try:
                return pass_file(way, file, position, parser, work)
            finally:
                self._parsers.put(parser)

        return self._pool.submit(through)


@contextmanager
def open_doors(work: Path, threads: int, memory_limit_mib: int, limits: Limits) -> Iterator[Doors]:
    """Threads and parsers for the files of any number of deliveries.

    Args:
        work: Folder in the identified zone.
        threads: Files taken through side by side.
        memory_limit_mib: DuckDB's memory for all of them together.
        limits: Limits of the ingest.

    Yields:
        The doors. When they close, files that are on their way are waited for, those that have
        not begun are dropped.
    """
    threads = max(1, threads)
    memory = f"{max(_LEAST_MIB, memory_limit_mib // threads)}MiB"
    # The parser that was used last has its connection already.
    parsers: LifoQueue[Parser] = LifoQueue()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ingest")
    try:
        for n in range(threads):
            parsers.put(Parser(work / f"parser-{n}", limits, memory))
        yield Doors(pool, parsers)
    finally:
        pool.shutdown(cancel_futures=True)
        while not parsers.empty():
            parsers.get().close()
