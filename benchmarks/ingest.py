"""Ingest of NDJSON against DuckDB merely reading the same files with the same explicit schema.

Usage: python benchmarks/ingest.py [EXTRACT] [--scale 0.3] [--rounds 3]   (a folder
<source>/<delivery>/…; without one a synthetic extract is made: about 2 GB of NDJSON at 0.3).

Prints, of the best of the rounds, seconds, CPU seconds (which a busy machine disturbs less) and
MB/s of NDJSON after decompression: DuckDB counting rows, counting every column, and reading into
memory; and ingest: hashes, checksums, counts, drift, rules, pseudonyms, redaction, sorting,
Parquet, fsync and ledger. Then the median of the rounds' ratios; the one to aim for is 2 against
reading.
"""

from __future__ import annotations

import argparse
import gzip
import resource
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import duckdb
import structlog

from anonymization.keys import Key
from pipelines.clients.delivered_files import find_deliveries, read_manifest
from pipelines.ingest import ingest_pending
from pipelines.ingest.plan import resource_plan
from pipelines.ingest.views import literal_sql, name_sql
from pipelines.settings import Zones

Files = dict[str, list[str]]


@dataclass(frozen=True)
class Round:
    """Rows, and the wall and CPU seconds that they took."""

    rows: int
    wall: float
    cpu: float


def timed(step: Callable[[], int]) -> Round:
    """One round of something that returns rows."""
    begun, spent = perf_counter(), process_time()
    rows = step()
    return Round(rows, perf_counter() - begun, process_time() - spent)


def files_of(extract: Path) -> Files:
    """Delivered files by entity."""
    files: Files = {}
    for delivery in find_deliveries(extract):
        for file in read_manifest(delivery).files:
            files.setdefault(file.entity, []).append(f"{delivery.url}/{file.name}")
    return files


def scan(files: Files, way: str) -> int:
    """Let DuckDB read all files with the schema that ingest reads them with.

    Args:
        files: Paths by entity; one query each over all of them.
        way: ``rows`` counts rows, ``columns`` every column, ``memory`` keeps all of it.
    """
    rows = 0
    with duckdb.connect(config={"threads": 2}) as con:
        for entity, paths in files.items():
            schema = resource_plan(entity).columns
            columns = ", ".join(f"{literal_sql(k)}: {literal_sql(v)}" for k, v in schema.items())
            source = f"read_json(?, format = 'newline_delimited', columns = {{{columns}}})"
            if way == "memory":
                relation = con.sql(f"SELECT * FROM {source}", params=[paths])
                rows += relation.to_arrow_table().num_rows
                continue
            counts = ["count(*)"]
            if way == "columns":
                counts += [f"count({name_sql(name)})" for name in schema]
            query = f"SELECT {', '.join(counts)} FROM {source}"
            rows += con.sql(query, params=[paths]).fetchall()[0][0]
    return rows


def ingest(extract: Path, home: Path) -> int:
    """Take everything in; rows."""
    shutil.rmtree(home, ignore_errors=True)
    results = ingest_pending(Zones(home).create(), Key("benchmark", 1, bytes(32)), inbox=extract)
    return sum(f.loaded_rows + f.quarantined_rows for result in results for f in result.files)


def make_extract(folder: Path, scale: float) -> None:
    """A synthetic extract."""
    from pipelines.synthetic import SyntheticSettings, generate_tables, write_extract

    write_extract(generate_tables(SyntheticSettings(scale=scale)), folder)


def text_size(files: Files) -> float:
    """Megabytes of NDJSON after decompression."""
    total = 0
    for path in (path for paths in files.values() for path in paths):
        with gzip.open(path) if path.endswith(".gz") else Path(path).open("rb") as stream:
            while chunk := stream.read(1 << 22):
                total += len(chunk)
    return total / 1e6


def main() -> None:
    """Run all and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extract", nargs="?", type=Path)
    parser.add_argument("--scale", type=float, default=0.3)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory() as name:
        extract = arguments.extract or Path(name) / "extract"
        if arguments.extract is None:
            make_extract(extract, arguments.scale)
        files = files_of(extract)
        size = text_size(files)
        steps: dict[str, Callable[[], int]] = {
            "DuckDB: rows": partial(scan, files, "rows"),
            "DuckDB: every column": partial(scan, files, "columns"),
            "DuckDB: in memory": partial(scan, files, "memory"),
            "ingest": partial(ingest, extract, Path(name) / "home"),
        }
        # In turn: a machine that is slower for a minute is slower for all of them.
        rounds = [{n: timed(s) for n, s in steps.items()} for _ in range(arguments.rounds)]
    print(f"{sum(map(len, files.values()))} files, {size:.0f} MB of NDJSON")
    for label in steps:
        own = [each[label] for each in rounds]
        wall, cpu = min(one.wall for one in own), min(one.cpu for one in own)
        print(
            f"{label:24} {own[0].rows:>10} rows {wall:8.2f} s {cpu:8.2f} s CPU "
            f"{size / wall:8.0f} MB/s"
        )
    for label in list(steps)[:-1]:
        by_clock = median(each["ingest"].wall / each[label].wall for each in rounds)
        of_cpu = median(each["ingest"].cpu / each[label].cpu for each in rounds)
        print(f"median ratio to {label}: {by_clock:.2f} by the clock, {of_cpu:.2f} of CPU")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
