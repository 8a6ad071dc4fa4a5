"""Ingest against DuckDB merely counting the parsed rows: same files, same schema, same run.

Usage: python benchmarks/ingest.py [EXTRACT]   (a folder <source>/<delivery>/…; a synthetic one is
made when none is given). Prints seconds and MB/s (of NDJSON after decompression) of both, and the
ratio of the seconds; CPU seconds too, which a busy machine disturbs less. Ours includes hashes,
checksums, counts, rules, pseudonyms, redaction, sorting, Parquet, fsync and the ledger.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import duckdb
import structlog

from anonymization.keys import Key
from pipelines.clients.delivered_files import Delivery, find_deliveries, read_manifest
from pipelines.ingest import DeliveryResult, ingest_pending
from pipelines.ingest.fhirpath_sql import literal_sql, name_sql
from pipelines.ingest.plan import resource_plan
from pipelines.settings import Zones

Seconds = tuple[float, float]


def now() -> Seconds:
    """Wall clock and CPU clock."""
    return perf_counter(), process_time()


def since(begun: Seconds) -> Seconds:
    """Seconds of both since ``begun``."""
    return perf_counter() - begun[0], process_time() - begun[1]


def count_rows(deliveries: list[Delivery], every_column: bool) -> tuple[int, Seconds]:
    """Rows that DuckDB parses, and seconds; per entity one query over all its files."""
    files: dict[str, list[str]] = {}
    for delivery in deliveries:
        for file in read_manifest(delivery).files:
            files.setdefault(file.entity, []).append(f"{delivery.url}/{file.name}")
    begun = now()
    rows = 0
    with duckdb.connect(config={"threads": 2}) as con:
        for entity, paths in files.items():
            schema = resource_plan(entity).columns
            columns = ", ".join(f"{literal_sql(k)}: {literal_sql(v)}" for k, v in schema.items())
            counts = ", ".join(f"count({name_sql(name)})" for name in schema)
            counted = f"count(*), {counts}" if every_column else "count(*)"
            query = (
                f"SELECT {counted} FROM read_json(?, format = 'newline_delimited', "
                f"columns = {{{columns}}})"
            )
            rows += con.sql(query, params=[paths]).fetchall()[0][0]
    return rows, since(begun)


def ingest(extract: Path, home: Path) -> tuple[list[DeliveryResult], Seconds]:
    """Take everything in; results and seconds."""
    begun = now()
    results = ingest_pending(Zones(home).create(), Key("benchmark", 1, bytes(32)), inbox=extract)
    return results, since(begun)


def make_extract(folder: Path, scale: float) -> None:
    """A synthetic extract."""
    from pipelines.synthetic.extract import write_extract
    from pipelines.synthetic.generate import generate_tables
    from pipelines.synthetic.model import SyntheticSettings

    write_extract(generate_tables(SyntheticSettings(scale=scale)), folder)


def main() -> None:
    """Run both and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extract", nargs="?", type=Path)
    parser.add_argument("--scale", type=float, default=0.05)
    arguments = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with tempfile.TemporaryDirectory() as name:
        extract = arguments.extract or Path(name) / "extract"
        if arguments.extract is None:
            make_extract(extract, arguments.scale)
        deliveries = find_deliveries(extract)
        count_rows(deliveries, every_column=True)  # warms the page cache for both
        bare_rows, bare = count_rows(deliveries, every_column=False)
        read_rows, read = count_rows(deliveries, every_column=True)
        results, ours = ingest(extract, Path(name) / "home")
    files = [file for result in results for file in result.files]
    size = sum(file.text_bytes for file in files) / 1e6
    loaded = sum(file.loaded_rows + file.quarantined_rows for file in files)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    parsed = f"{loaded} rows (DuckDB: {bare_rows}, {read_rows})"
    print(f"{len(files)} files, {size:.0f} MB of NDJSON, {parsed}")
    for label, (wall, cpu) in (
        ("DuckDB count(*)", bare),
        ("DuckDB count of every column", read),
        ("ingest", ours),
    ):
        print(f"{label:30} {wall:8.2f} s {size / wall:8.0f} MB/s {cpu:8.2f} s CPU")
    for label, other in (("count(*)", bare), ("count of every column", read)):
        print(f"ratio to {label}: {ours[0] / other[0]:.2f} wall, {ours[1] / other[1]:.2f} CPU")
    print(f"peak memory {peak:.0f} MiB")


if __name__ == "__main__":
    main()
