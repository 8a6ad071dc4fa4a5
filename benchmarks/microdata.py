"""The microdata door on a table like the Adult census extract: against the machine and the peers.

Usage: python benchmarks/microdata.py [--rows 1000000] [--limit 0.02] [--loss ncp] [--rounds 1]
                                      [--peers PYTHON] [--jobs anjana umbra pycanon pycanon_k]

Nine quasi-identifiers: 30 000 persons whose values hang together are drawn from with replacement,
and each value is redrawn from its column's distribution with probability 0.1. Values are as uneven
as makes about as many distinct tuples as the census extract has when it is enlarged in this way
(19 502 of its 30 162 persons, 179 718 of a million rows, 463 914 of five million). Every job runs
in a process of its own, so that its peak memory is its own; seconds begin after imports and are the
best of the rounds. Printed are the whole job from Parquet to Parquet (global, then local),
``assess`` on what was written, and one plain Polars read-and-group plus one write of the same
table, which no method can undercut. What was written is held to k before anything is printed.

``--peers`` names an interpreter that has anjana, umbra-k and pycanon from the package index (they
need other versions of pandas and numpy than Folkepuls): the same table, the same hierarchies, in
the same minutes; umbra-k recodes without hierarchies. pycanon's measures take the last column for
the sensitive one.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import polars as pl

from anonymization import Hierarchy, MicrodataPolicy, QuasiIdentifier, SensitiveAttribute, assess
from anonymization.lattice import Evidence
from anonymization.microdata import solve
from pipelines.publication.microdata_files import write
from pipelines.publication.microdata_source import opened

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
SIZES = [(name, size) for name, size, _ in COLUMNS]
PERSONS = 30_000
REDRAWN = 0.1
UNEVEN = 14.0


def table(rows: int, seed: int = 7) -> pl.DataFrame:
    """Draw the table; the same seed gives the same one."""
    random = np.random.default_rng(seed)
    profile = random.choice(6, PERSONS, p=[0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
    ages = 17 + random.gamma(3.0, 6.0, PERSONS) + 3 * profile
    base = {"age": np.clip(ages, 17, 90).astype(np.int64)}
    for index, (name, size, _) in enumerate(COLUMNS):
        shares = np.exp(-UNEVEN * np.arange(size) / size)
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


def policy_of(options: argparse.Namespace) -> MicrodataPolicy:
    """What the table is held to."""
    return MicrodataPolicy(
        k=options.k,
        quasi_identifiers=tuple(
            QuasiIdentifier(name, laid) for name, laid in hierarchies().items()
        ),
        suppression_limit=options.limit,
        loss=options.loss,
        method=options.method,
    )


def given(options: argparse.Namespace) -> dict[str, Any]:
    """The table itself: made here, a process that measures would inherit the peak of the maker."""
    table(options.rows).write_parquet(options.given)
    return {}


def floor(options: argparse.Namespace) -> dict[str, Any]:
    """One read, group and write in Polars."""
    frame = pl.read_parquet(options.given)
    frame.write_parquet(options.written)
    return {"tuples": frame.group_by(frame.columns).len().height}


def whole(options: argparse.Namespace) -> dict[str, Any]:
    """From Parquet to Parquet."""
    policy = policy_of(options)
    with opened(options.given) as source:
        solved = solve(source, policy)
        write(source, policy, solved, options.written, ",")
    sure = solved.report.evidence
    return {
        "loss": solved.loss,
        "suppressed": solved.suppressed,
        "classes": solved.report.classes,
        "penalty": _penalty(solved.report.loss_by_attribute, solved.suppressed, options.rows),
        "evidence": f"checked {sure.checked} of {sure.nodes}"
        if isinstance(sure, Evidence)
        else "a partition",
    }


def _penalty(by_attribute: Mapping[str, float], suppressed: int, rows: int) -> float:
    """Normalised certainty penalty of the whole table, whichever loss was minimised."""
    share = suppressed / rows
    return share + (1 - share) * sum(by_attribute.values()) / max(len(by_attribute), 1)


def assessed(options: argparse.Namespace) -> dict[str, Any]:
    """K of a written table."""
    report = assess(pl.scan_parquet(options.given), list(hierarchies()))
    return {"k": report.k, "classes": report.classes}


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """All measures, the last column being the sensitive one; the table is in memory."""
    *names, of = hierarchies()
    frame = pl.read_parquet(options.given)
    assess(frame.head(1), names, [of])
    start, cpu = perf_counter(), process_time()
    report = assess(frame, names, [SensitiveAttribute(of, 2, "recursive", c=1.0)])
    took = {"seconds": perf_counter() - start, "cpu": process_time() - cpu}
    return {"k": report.k, **took}


JOBS = {"given": given, "floor": floor, "whole": whole, "assessed": assessed, "measured": measured}


def run(options: argparse.Namespace, job: str, given: Path, **more: str) -> dict[str, Any]:
    """A job in a process of its own, the best of the rounds."""
    words = [sys.executable, __file__, "--job", job, "--given", str(given)]
    for name in ("rows", "limit", "loss", "k", "written"):
        words += [f"--{name}", str(getattr(options, name))]
    for name, value in more.items():
        words += [f"--{name}", value]
    done = [json.loads(subprocess.check_output(words)) for _ in range(options.rounds)]
    return min(done, key=lambda one: one["seconds"])


def child(options: argparse.Namespace) -> None:
    """Do one job and print what it took."""
    start, cpu = perf_counter(), process_time()
    done = JOBS[options.job](options)
    # In kilobytes on Linux.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    took = {"seconds": perf_counter() - start, "cpu": process_time() - cpu, "memory": peak}
    print(json.dumps({**took, **done}))


def peer(options: argparse.Namespace, job: str, given: Path, folder: Path) -> dict[str, Any]:
    """A job of a peer."""
    about = folder / "options.json"
    # The values themselves, then one column per level.
    laid = {
        name: one.levels(
            pl.Series(name, range(17, 91))
            if name == "age"
            else pl.Series(name, [f"{name}-{n}" for n in range(dict(SIZES)[name])])
        ).labels
        for name, one in hierarchies().items()
    }
    columns = {name: [c.to_list() for c in table.get_columns()] for name, table in laid.items()}
    asked = {"names": list(laid), "k": options.k, "limit": options.limit, "hierarchies": columns}
    about.write_text(json.dumps(asked), encoding="utf-8")
    script = Path(__file__).with_name("microdata_peers.py")
    words = [options.peers, str(script), job, str(given), str(about)]
    done: dict[str, Any] = json.loads(subprocess.check_output(words))
    return done


def compare(options: argparse.Namespace, given: Path, folder: Path, own: dict[str, Any]) -> None:
    """The peers, each beside the job of ours that does the same."""
    for job in options.jobs:
        theirs = peer(options, job, given, folder)
        ours = own[{"anjana": "global", "umbra": "local"}.get(job, job)]
        slower, dearer = (theirs[unit] / ours[unit] for unit in ("seconds", "cpu"))
        line = f"{job:12} {theirs['seconds']:9.2f} s  {slower:7.1f} x  (processors {dearer:.1f} x)"
        if "loss" in theirs:
            line += f"  ncp {theirs['loss']:.5f}, ours {ours['penalty']:.5f}"
        print(line, flush=True)


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--limit", type=float, default=0.02)
    parser.add_argument("--loss", default="ncp")
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--peers", help="Interpreter that has the peers.")
    parser.add_argument("--jobs", nargs="*", default=["anjana", "umbra", "pycanon", "pycanon_k"])
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--method", default="global", help=argparse.SUPPRESS)
    parser.add_argument("--given", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--written", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        child(options)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, options.written = folder / "given.parquet", folder / "written.parquet"
        run(options, "given", source)
        least = run(options, "floor", source)
        print(f"{options.rows} rows, {least['tuples']} distinct tuples, k={options.k}")
        print(f"read, group, write {least['seconds']:7.2f} s  {least['cpu']:6.2f} s of processors")
        own: dict[str, Any] = {}
        for method in ("global", "local"):
            made = own[method] = run(options, "whole", source, method=method)
            checked = run(options, "assessed", options.written)
            if checked["k"] < options.k or checked["classes"] != made["classes"]:
                raise SystemExit(f"{method}: what was written does not hold: {checked}.")
            print(
                f"{method:12} {made['seconds']:13.2f} s  {made['cpu']:6.2f} s of processors  "
                f"{made['seconds'] / least['seconds']:.1f} x  {made['memory']:.2f} GB  "
                f"{options.loss} {made['loss']:.5f}  suppressed {made['suppressed']}  "
                f"classes {made['classes']}  {made['evidence']}; "
                f"assess {checked['seconds']:.2f} s, {checked['memory']:.2f} GB",
                flush=True,
            )
        saved = 1 - own["local"]["penalty"] / own["global"]["penalty"]
        print(f"local loses {saved:.0%} less than the global optimum (ncp)")
        if options.peers:
            own["pycanon"] = run(options, "measured", source)
            own["pycanon_k"] = run(options, "assessed", source)
            compare(options, source, folder, own)


if __name__ == "__main__":
    main()
