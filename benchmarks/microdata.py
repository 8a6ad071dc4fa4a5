"""The microdata door on a table like the Adult census extract, against the machine's own limit.

Usage: python benchmarks/microdata.py [--rows 1000000] [--limit 0.02] [--loss ncp] [--rounds 1]

Nine quasi-identifiers: 30 000 persons whose values hang together are drawn from with replacement,
and each value is redrawn from its column's distribution with probability 0.1. Prints the seconds of
the whole job from Parquet to Parquet (global, then local), of ``assess`` on what was written, and
of one plain Polars read-and-group plus one write of the same table, which no method can undercut;
each the best of the rounds. What was written is held to k before anything is printed.

Peers from the package index (anjana, pycanon, umbra-k) need other versions of pandas and numpy than
Folkepuls and are not run here yet.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from anonymization import Anonymized, Hierarchy, MicrodataPolicy, QuasiIdentifier, anonymize, assess

# Name, number of values, how many of them share a label at each level between value and *.
COLUMNS = (
    ("sex", 2, ()),
    ("race", 5, ()),
    ("marital", 7, (3,)),
    ("education", 16, (4, 8)),
    ("country", 41, (8,)),
    ("workclass", 8, (3,)),
    ("occupation", 14, (4,)),
    ("salary", 2, ()),
)
PERSONS = 30_000
REDRAWN = 0.1


def table(rows: int, seed: int = 7) -> pl.DataFrame:
    """Draw the table; the same seed gives the same one."""
    random = np.random.default_rng(seed)
    profile = random.choice(6, PERSONS, p=[0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
    ages = 17 + random.gamma(3.0, 6.0, PERSONS) + 3 * profile
    base = {"age": np.clip(ages, 17, 90).astype(np.int64)}
    for index, (name, size, _) in enumerate(COLUMNS):
        shares = np.exp(-8.0 * np.arange(size) / size)
        free = random.choice(size, PERSONS, p=shares / shares.sum())
        tied = random.random(PERSONS) < 0.5
        base[name] = np.where(tied, (profile * (index % 3 + 1)) % size, free)
    drawn = random.integers(0, PERSONS, rows)
    columns = {}
    for name, values in base.items():
        again = np.where(random.random(rows) < REDRAWN, random.integers(0, PERSONS, rows), drawn)
        columns[name] = values[again]
    return pl.DataFrame(columns).with_columns(
        pl.format("{}-{}", pl.lit(name), pl.col(name)).alias(name) for name, _, _ in COLUMNS
    )


def hierarchies() -> dict[str, Hierarchy]:
    """A hierarchy for each column."""
    made = {"age": Hierarchy.intervals([5, 10, 20])}
    for name, size, widths in COLUMNS:
        levels = {"value": [f"{name}-{value}" for value in range(size)]}
        for width in widths:
            levels[f"by {width}"] = [f"{width}/{value // width}" for value in range(size)]
        made[name] = Hierarchy.from_table(pl.DataFrame(levels))
    return made


def best(rounds: int, job: Callable[[], Any]) -> tuple[float, Any]:
    """Least seconds of some rounds, and what the last one made."""
    seconds, made = [], None
    for _ in range(rounds):
        start = perf_counter()
        made = job()
        seconds.append(perf_counter() - start)
    return min(seconds), made


def main() -> None:
    """Run everything once and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--limit", type=float, default=0.02)
    parser.add_argument("--loss", default="ncp")
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    laid = hierarchies()
    names = list(laid)
    with tempfile.TemporaryDirectory() as folder:
        given, written = Path(folder) / "given.parquet", Path(folder) / "written.parquet"
        table(options.rows).write_parquet(given)

        def limit() -> int:
            frame = pl.read_parquet(given)
            frame.write_parquet(Path(folder) / "copy.parquet")
            return frame.group_by(names).len().height

        def job(method: str) -> Callable[[], Anonymized]:
            policy = MicrodataPolicy(
                k=options.k,
                quasi_identifiers=[QuasiIdentifier(name, laid[name]) for name in names],
                suppression_limit=options.limit,
                loss=options.loss,
                method=method,
            )

            def run() -> Anonymized:
                made = anonymize(pl.read_parquet(given), policy)
                made.table.write_parquet(written)
                return made

            return run

        floor, distinct = best(options.rounds, limit)
        print(f"{options.rows} rows, {distinct} distinct tuples, k={options.k}, {options.loss}")
        print(f"read, group, write    {floor:8.2f} s")
        for method in ("global", "local"):
            seconds, made = best(options.rounds, job(method))
            checking, report = best(options.rounds, lambda: assess(pl.read_parquet(written), names))
            if report.k is not None and report.k < options.k:
                raise SystemExit(f"{method}: the smallest class holds {report.k}.")
            sure = made.report.evidence
            print(
                f"{method:21} {seconds:8.2f} s  {seconds / floor:5.1f} x  loss {made.loss:.5f}  "
                f"suppressed {made.suppressed}  classes {made.report.classes}  "
                f"checked {sure.checked} of {sure.nodes}"
            )
            print(f"  assess              {checking:8.2f} s")
    # In kilobytes on Linux.
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
