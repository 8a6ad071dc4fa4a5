"""The whole region through the pseudonym door, and a day's delta on top of a short and a long past.

Usage: python benchmarks/full_region.py [--scale 1] [--years 5] [--work FOLDER] [--rows 100000]

Makes the region as tables at the scale and at a tenth of it, takes both in, and then takes a
delta of so many corrected rows of each into it, and another with one person newly graded. Prints
for each step rows, seconds, CPU seconds and peak memory of its own process; beside the first, what
DuckDB needs merely to read every column of the same files. Needs about 6 GB of disk at full size.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb
import polars as pl

KEY = bytes(32)


def measured(label: str, step: Callable[..., int], *arguments: object) -> float:
    """Run a step in a process of its own and print what it took; its wall seconds."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        rows, wall, cpu, peak = pool.apply(_measured, (step, arguments))
    print(
        f"{label:<44} {rows:>12,} rows {wall:8.1f} s {cpu:8.1f} s CPU {peak:6.2f} GiB", flush=True
    )
    return float(wall)


def _measured(
    step: Callable[..., int], arguments: tuple[Any, ...]
) -> tuple[int, float, float, float]:
    begun, cpu = perf_counter(), process_time()
    rows = step(*arguments)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return rows, perf_counter() - begun, process_time() - cpu, peak


def make(folder: Path, scale: float, years: int, register: Path | None = None) -> int:
    """Write a region as tables, and its population register where one is asked for."""
    from pipelines.synthetic import (
        SyntheticSettings,
        generate_tables,
        write_extract,
        write_register,
    )

    region = generate_tables(SyntheticSettings(scale=scale, years=years, whole=True, life=True))
    deliveries = write_extract(region, folder, form="tables")
    if register is not None:
        write_register(region, register)
    return sum(sum(delivery.rows.values()) for delivery in deliveries)


def take_in(home: Path, inbox: Path) -> int:
    """Take in everything that waits."""
    import structlog

    from anonymization.keys import Key
    from pipelines.ingest import ingest_pending
    from pipelines.settings import Zones

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    results = ingest_pending(Zones(home).create(), Key("benchmark", 1, KEY), inbox=inbox)
    files = [file for result in results for file in result.files]
    refused = [file.name for file in files if file.state == "refused"]
    if refused or any(result.state == "refused" for result in results):
        raise SystemExit(f"refused: {refused}")
    return sum(file.loaded_rows + file.quarantined_rows for file in files)


def read(folder: Path) -> int:
    """Let DuckDB count every column of every file."""
    rows = 0
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute("SET enable_progress_bar = false")
        for path in sorted(folder.rglob("*.parquet")):
            relation = con.read_parquet(str(path))
            counts = ", ".join(f'count("{name}")' for name in relation.columns)
            rows += relation.aggregate(f"count(*), {counts}").fetchall()[0][0]
    return rows


def make_delta(extract: Path, folder: Path, rows: int, graded: bool) -> None:
    """Rows of the last year's deliveries once more, as a day's corrections."""
    last = [path for path in sorted((extract / "synthetic").iterdir()) if path.name[-4:] == "2025"]
    for source in last:
        manifest = json.loads((source / "manifest.json").read_text())
        total = sum(file["rows"] for file in manifest["files"])
        name = source.name.replace("2025", "graded" if graded else "day")
        target = folder / "synthetic" / name
        target.mkdir(parents=True)
        files = []
        for file in manifest["files"]:
            frame = pl.read_parquet(source / file["name"], glob=False)
            part = frame.head(max(1, round(rows / len(last) * file["rows"] / total)))
            if "IsGraded" in part.columns:
                part = part.with_columns(IsGraded=(pl.int_range(pl.len()) == 0) & graded)
            part.write_parquet(target / file["name"])
            content = (target / file["name"]).read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            files.append({**file, "rows": part.height, "bytes": len(content), "sha256": digest})
        stated = {
            "delivery": name,
            "kind": "delta",
            "transaction_time": f"2026-01-0{6 + graded}T03:00:00+00:00",
            "files": files,
        }
        (target / "manifest.json").write_text(json.dumps({**manifest, **stated}))


def main() -> None:
    """Run all steps and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--years", type=int, default=5)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--work", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = arguments.work or Path(name)
        short, long = work / "extract-short", work / "extract-long"
        measured("make a tenth", make, short, arguments.scale / 10, arguments.years)
        measured("make the region", make, long, arguments.scale, arguments.years)
        measured("read every column with DuckDB", read, long)
        measured("take a tenth in", take_in, work / "home-short", short)
        measured("take the region in", take_in, work / "home-long", long)
        for name, graded in (("day", False), ("day with a grading", True)):
            seconds = {}
            for past, of in (("short", "a tenth"), ("long", "the region")):
                # Of the same persons: those of another region would bring numbers of their own.
                day = work / f"{name}-{past}"
                make_delta(work / f"extract-{past}", day, arguments.rows, graded)
                seconds[past] = measured(f"a {name} on {of}", take_in, work / f"home-{past}", day)
            ratio = seconds["long"] / seconds["short"]
            print(f"a past ten times as long takes {ratio:.2f} times as long")


if __name__ == "__main__":
    main()
