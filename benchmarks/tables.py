"""The table door on tables of the size that is published, and beyond.

Usage: python benchmarks/tables.py [--only protect,alike,exact,lattice,triangle] [--peer PYTHON]

Synthetic diagnoses of 34 municipalities in 5 regions, 18 age groups, 2 sexes:

- ``protect``: five diagnoses with all margins (13 680 cells, 2 609 of them 1 to 4), frame to
  protected frame, audited for both attackers, every interval as wide as the policy asks.
- ``alike``: what the same search hides in that table where less is asked, down to what pytauargus'
  rule ``FREQ(5,20)`` asks (a fifth of each small count either way, nothing of other cells, one
  attacker), and what it hides if it first protects the small counts alone. With ``--peer`` (a
  Python that has pytauargus) the table by its modular method, in its own process: by that rule,
  by levels (every small count may be 5, three wide), how much of each pattern our audit rejects,
  and what it takes to make the first one hold.
- ``exact``: which cells of a cube of 30 diagnoses and 3 years (282 720 cells) follow exactly after
  a closure of its sums, timed from sums and statuses to verdict.
- ``lattice``: 47 indicators of a region of 67 municipalities, 5 years, each protected and audited,
  on as many processes as there are processors.
- ``triangle``: what is hidden beside the small counts, all cells worth the same, against hiding the
  cheapest partner in every sum with one hidden cell until none is left, which proves nothing of
  intervals, and against doing so again around each cell that the audit still finds too narrow.

Seconds are elapsed and of the processor: on a shared machine only the latter can be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import polars as pl

from anonymization.tables import (
    LinkedSystem,
    TablePolicy,
    audit_system,
    derivable,
    primary_rules,
    protect,
    protect_system,
)
from anonymization.tables.closure import Closure
from anonymization.tables.lattice import Dimensions, Lattice, build_lattice
from anonymization.tables.matrix import blocks
from anonymization.tables.primary import Requirement, requirement
from anonymization.tables.published import table_system
from anonymization.tables.secondary import find_pattern
from tests.support.tables_region import region_system, strata

POLICY = TablePolicy(minimum_denominator=0)
TESTS = 5_000
AREAS, AGES, DIAGNOSES = 34, 18, 30
SMALL_FIRST = "first attacker, small counts"
KINDS = ("policy", "first attacker", SMALL_FIRST, "a fifth of small counts")
REGIONS = {f"m{i:02d}": f"r{i % 5}" for i in range(AREAS)}


def cube(diagnoses: int, years: int, events: int, seed: int = 1) -> tuple[pl.DataFrame, Dimensions]:
    """Base cells and hierarchies; the same seed gives the same ones."""
    random = np.random.default_rng(seed)
    size = random.lognormal(0, 1.1, AREAS)
    age = np.exp(-(((np.arange(AGES) - 12) / 7.0) ** 2)) + 0.15
    common = np.exp(-np.arange(DIAGNOSES) / 9.0)
    risk = common[:, None] * age * np.exp(random.normal(0, 0.5, (DIAGNOSES, AGES)))
    rate = size[:, None, None] / size.sum() * risk / risk.sum() * events / 6
    shape = (3, AREAS, DIAGNOSES, AGES, 2)
    counts = random.poisson(np.broadcast_to(rate[None, :, :, :, None], shape))
    counts = counts[:years, :, :diagnoses]
    index = np.indices(counts.shape).reshape(5, -1)
    columns = {"year": "y{}", "area": "m{:02d}", "diagnosis": "d{:02d}", "age": "a{:02d}"}
    frame = pl.DataFrame(
        {name: [form.format(i) for i in index[k]] for k, (name, form) in enumerate(columns.items())}
        | {"sex": np.array(["f", "m"])[index[4]], "count": counts.ravel()}
    )
    dimensions: dict[str, dict[str, str]] = {"area": REGIONS, "age": {}, "sex": {}, "diagnosis": {}}
    if years == 1:
        return frame.drop("year"), dimensions
    return frame, dimensions | {"year": {}}


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print elapsed and processor seconds of a step."""
    elapsed, processor = perf_counter(), process_time()
    yield
    print(f"{what:44} {perf_counter() - elapsed:8.2f} s  {process_time() - processor:8.2f} s cpu")


def run_protect(peer: str | None) -> None:
    """The 13 680-cell table."""
    cells, dimensions = cube(5, 1, 515_000)
    with timed("protect 13 680 cells, audited"):
        made = protect(cells, dimensions, POLICY)
    reasons = dict(made.report["reason"].drop_nulls().value_counts().iter_rows())
    widths = made.audit["upper"] - made.audit["lower"]
    if made.table.height != 13_680 or not made.audit["ok"].all():
        raise SystemExit("The table does not hold.")
    print(f"  {reasons}, narrowest {widths.to_numpy().min():.0f}")


def _asked(required: Requirement, value: np.ndarray, kind: str) -> Requirement:
    """What is asked of a block's hidden cells, or less of it."""
    if kind == "policy":
        return required
    nobody = np.full(len(value), np.inf)
    one = replace(required, known_low=-nobody, known_high=nobody)
    if kind == "first attacker":
        return one
    alone = replace(one, width=np.where(one.unsafe, one.width, 0.0))
    if kind == SMALL_FIRST:
        return alone
    return replace(
        alone,
        width=np.where(one.unsafe, 0.4 * value, 0.0),
        reach_up=np.where(one.unsafe, 1.2 * value, -np.inf),
        reach_down=np.where(one.unsafe, 0.8 * value, np.inf),
        integer=np.zeros(len(value), dtype=bool),
    )


def _found(system: LinkedSystem, kind: str, given: AbstractSet[str] = frozenset()) -> set[str]:
    """What the search hides where so much is asked and some cells are hidden already."""
    rules, value = primary_rules(system, POLICY), system.cells["value"].to_numpy()
    start = system.cells["cell_id"].is_in(list(given)).to_numpy()
    hidden = np.zeros(len(value), dtype=bool)
    for block in blocks(system):
        required = requirement(block, system.cells, rules, POLICY)
        asked = _asked(required, value[block.cell], kind)
        asked = replace(asked, unsafe=asked.unsafe | start[block.cell])
        found = find_pattern(block, system.cells, asked, POLICY, system.sums)
        hidden[block.cell] = found.hidden
    return set(system.cells["cell_id"].filter(pl.Series(hidden)))


def run_alike(peer: str | None) -> None:
    """The 13 680-cell table, as much asked of both."""
    cells, dimensions = cube(5, 1, 515_000)
    lattice = build_lattice(cells, dimensions)
    system = table_system(cells, list(dimensions), lattice)
    small = set(system.cells.filter(pl.col("persons").is_between(1, 4))["cell_id"])
    found: dict[str, set[str]] = {}
    for kind in KINDS:
        with timed(f"search: {kind}"):
            found[kind] = _found(system, kind)
        print(f"  {len(small)} small, beside them {len(found[kind] - small)}", flush=True)
    with timed("search: small counts first, then the policy"):
        whole = _found(system, "policy", found[SMALL_FIRST])
    print(f"  {len(small)} small, beside them {len(whole - small)}", flush=True)
    if peer is None:
        return
    for kind, levels in (("FREQ(5,20)", False), ("levels", True)):
        start = perf_counter()
        hidden, processor = _peer(peer, cells, lattice, system, levels)
        print(f"pytauargus, modular, {kind}: {perf_counter() - start:.1f} s, {processor:.1f} s cpu")
        print(f"  {len(small)} small, beside them {len(hidden - small)}")
        _judge(system, hidden | small)
        if not levels:
            whole = _found(system, "policy", hidden)
            print(f"  made to hold by our search: {len(whole - small)}")


def _judge(system: LinkedSystem, hidden: set[str]) -> None:
    """Print how many hidden cells a reader narrows down."""
    audit = audit_system(system, _status(system, hidden), POLICY)
    second = (pl.col("second_upper") - pl.col("second_lower") < 1).fill_null(False)
    narrow = pl.col("upper") - pl.col("lower") < pl.col("width_required")
    told = audit.select(
        narrow.sum().alias("narrow"), second.sum().alias("second"), (~pl.col("ok")).sum()
    )
    print(
        "  narrower than 3: {narrow}; one value left to the second attacker: {second}; not as the "
        "policy asks: {ok}".format(**told.row(0, named=True))
    )


def _status(system: LinkedSystem, hidden: set[str]) -> pl.DataFrame:
    told = pl.when(pl.col("cell_id").is_in(list(hidden))).then(pl.lit("suppressed"))
    return system.cells.select("cell_id", status=told.otherwise(pl.lit("ok")))


def _peer(
    python: str, cells: pl.DataFrame, lattice: Lattice, system: LinkedSystem, levels: bool
) -> tuple[set[str], float]:
    """What pytauargus hides, and its seconds of the processor."""
    names = [name for name in cells.columns if name != "count"]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        cells.filter(pl.col("count") > 0).write_csv(folder / "cells.csv")
        regions = sorted(set(REGIONS.values()))
        lines = [
            line
            for region in regions
            for line in (region, *(f"@{a}" for a, r in REGIONS.items() if r == region))
        ]
        (folder / "area.hrc").write_text("\n".join(lines) + "\n")
        told = [str(folder), "FREQ(5,20)", ""]
        if levels:
            told.append(str(folder / "levels.hst"))
            keys = lattice.keys.join(system.cells.select("cell_id", "value"), on="cell_id")
            _levels(keys, names, folder / "levels.hst")
        # Its engine leaves scratch files where it runs.
        script = str(Path(__file__).with_name("tables_peer.py"))
        done = subprocess.run(
            [python, script, *told], capture_output=True, text=True, check=True, cwd=folder
        )
        statuses = pl.read_csv(folder / "status.csv", infer_schema=False)
    hidden = statuses.filter(pl.col("status").is_in(["U", "M"]))
    ids = lattice.keys.join(hidden, on=names)["cell_id"]
    if len(ids) != hidden.height:
        raise SystemExit(f"{hidden.height} cells hidden, {len(ids)} of them known.")
    return set(ids), json.loads(done.stdout.strip().splitlines()[-1])[1]


def _levels(keys: pl.DataFrame, names: list[str], file: Path) -> None:
    """Down and up, for each small count: up to 5, three wide."""
    small = keys.filter(pl.col("value").is_between(1, 4)).select(
        *names, up=(5 - pl.col("value")).cast(pl.Int64)
    )
    rows = small.with_columns(down=(3 - pl.col("up")).clip(0))
    told = rows.select(pl.concat_str(*names, pl.lit("PL"), "down", "up", separator=";")).to_series()
    # A first line with two numbers is taken for one of a table of more dimensions.
    first = ";".join([*rows.select(names).row(0), "U"])
    file.write_text("\n".join([first, *told]) + "\n")


def _values(cells: pl.DataFrame, dimensions: Dimensions) -> tuple[Lattice, pl.DataFrame]:
    lattice = build_lattice(cells, dimensions)
    base = cells.select(pl.concat_str(*dimensions, separator="\x1f").alias("variable_id"), "count")
    sums = lattice.terms.join(base, on="variable_id").group_by("cell_id").agg(pl.col("count").sum())
    return lattice, sums.sort("cell_id")


def run_exact(_: str | None) -> None:
    """Exact derivability of the whole cube."""
    with timed("build a cube of 282 720 cells"):
        lattice, sums = _values(*cube(DIAGNOSES, 3, 418_290))
    value = sums["count"].to_numpy().astype(np.float64)
    small = (value > 0) & (value < 5)
    size = len(value)
    closure = Closure(
        lattice.sums,
        sums["cell_id"],
        value,
        np.full(size, 5.0),
        np.ones(size),
        (np.where(small, 1.0, -np.inf), np.where(small, 4.0, np.inf)),
        np.ones(size, dtype=bool),
        small.copy(),
    )
    with timed("close its sums"):
        closure.close()
    hidden = pl.when(pl.Series(closure.hidden)).then(pl.lit("suppressed")).otherwise(pl.lit("ok"))
    status = sums.select("cell_id", status=hidden)
    with timed("exact derivability, sums to verdict"):
        found = derivable(lattice.sums, status)
    print(f"  {size} cells, {int(closure.hidden.sum())} hidden, {found.height} follow exactly")


def _one(job: tuple[int, float]) -> tuple[int, int, float]:
    seed, rate = job
    system = region_system(seed=seed, rate=rate, public_denominator=True)
    start = process_time()
    made = protect_system(system, TablePolicy())
    return system.cells.height, int((~made.audit["ok"]).sum()), process_time() - start


def run_lattice(_: str | None) -> None:
    """47 indicators, five years, public denominators."""
    jobs = [(year, 2.0 ** -(indicator % 6)) for indicator in range(47) for year in range(1, 6)]
    start = perf_counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(_one, jobs, chunksize=5))
    cells, failed, seconds = (sum(part) for part in zip(*done, strict=True))
    if failed:
        raise SystemExit(f"{failed} cells are too narrow.")
    print(f"{len(jobs)} tables of a region, {cells} cells, all wide enough")
    print(f"  {perf_counter() - start:.1f} s on {os.cpu_count()} processors, {seconds:.1f} s cpu")


class Triangles:
    """Iterated triangle suppression: partners of hidden cells, one sum at a time."""

    def __init__(self, lattice: Lattice, cells: pl.DataFrame, hidden: set[str]) -> None:
        self._known = {row["cell_id"]: (row["weight"], row["value"]) for row in cells.to_dicts()}
        grouped = lattice.sums.group_by("sum_id", "whole_id").agg("part_id").sort("sum_id")
        self._sums = [[whole, *parts] for _, whole, parts in grouped.iter_rows()]
        self.hidden = set(hidden)

    def _partner(self, cells: list[str]) -> bool:
        free = [c for c in cells if c not in self.hidden and self._known[c][1] > 0]
        if free:
            self.hidden.add(min(free, key=lambda cell: (*self._known[cell], cell)))
        return bool(free)

    def close(self) -> None:
        """Until no sum holds a single hidden cell (with a partner left to hide)."""
        while any(
            self._partner(cells)
            for cells in self._sums
            if sum(cell in self.hidden for cell in cells) == 1
        ):
            pass

    def widen(self, narrow: set[str]) -> None:
        """One more partner in every sum of each narrow cell."""
        for cells in self._sums:
            if narrow.intersection(cells):
                self._partner(cells)


def run_triangle(_: str | None) -> None:
    """Loss beside the small counts."""
    for seed in (1, 2, 3):
        base = strata(seed, 66, 75_000, 0.5).filter(pl.col("area") != "rest")
        base = base.select("area", "age", "sex", count="numerator")
        areas = {area: f"r{i % 6}" for i, area in enumerate(base["area"].unique().sort())}
        dimensions: Dimensions = {"area": areas, "age": {}, "sex": {}}
        lattice = build_lattice(base, dimensions)
        system = table_system(base, list(dimensions), lattice)
        # The search is given more tests than a pipeline's default: it hides less and takes longer.
        rules = POLICY.model_copy(update={"redundancy_tests": TESTS})
        made = protect_system(system, rules).cells
        small = set(made.filter(pl.col("reason") == "primary")["cell_id"])
        ours = made.filter(pl.col("reason") == "secondary").height
        peer = Triangles(lattice, system.cells, small)
        peer.close()
        first = len(peer.hidden - small)
        while len(narrow := _narrow(system, peer.hidden)):
            before = len(peer.hidden)
            peer.widen(narrow)
            peer.close()
            if len(peer.hidden) == before:
                break
        print(
            f"region {seed}: {made.height} cells, {len(small)} small; beside them {ours}, by "
            f"triangles {len(peer.hidden - small)} with the same guarantee, {first} with none"
        )


def _narrow(system: LinkedSystem, hidden: set[str]) -> set[str]:
    audit = audit_system(system, _status(system, hidden), POLICY)
    return set(audit.filter(~pl.col("ok"))["cell_id"])


STEPS: dict[str, Callable[[str | None], None]] = {
    "protect": run_protect,
    "alike": run_alike,
    "exact": run_exact,
    "lattice": run_lattice,
    "triangle": run_triangle,
}


def main() -> None:
    """Run the steps that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(STEPS))
    parser.add_argument("--peer", help="A Python with pytauargus.")
    options = parser.parse_args()
    for name in options.only.split(","):
        STEPS[name](options.peer)


if __name__ == "__main__":
    main()
