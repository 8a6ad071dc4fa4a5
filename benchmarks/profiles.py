"""Printed profiles: one municipality from a cold process, then every municipality in a row.

Usage: FOLKEPULS_HOME=… python benchmarks/profiles.py [--out FOLDER]
Prints seconds on the wall and of the processor: of a process that starts, reads the release and
writes one; of the first in a process that runs, as the page has it; of the others; of all. The
bars, one in two seconds and all in sixty, are held against the processor's, which hold on a machine
with others at work. Exits with 1 when one is missed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from dashboards.data_access import home
from dashboards.profiles.pdf import write_profiles

ONE, ALL = 2.0, 60.0
COLD = "import sys; from pathlib import Path; from dashboards.profiles.pdf import write_profiles; list(write_profiles(Path(sys.argv[1]), Path(sys.argv[2]), [sys.argv[3]]))"  # noqa: E501


def cold(data: Path, folder: Path, area: str) -> tuple[float, float]:
    """Wall and processor seconds of a process that writes one profile."""
    before, begun = os.times(), perf_counter()
    command = [sys.executable, "-c", COLD, str(data), str(folder), area]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[1])
    wall, after = perf_counter() - begun, os.times()
    return wall, sum(after[2:4]) - sum(before[2:4])


def told(what: str, wall: float, processor: float) -> None:
    """Print one line."""
    print(f"{what:<20} wall {wall:6.2f} s   processor {processor:6.2f} s")


def main() -> None:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--area", default="5001")
    options = parser.parse_args()
    data = home()
    with tempfile.TemporaryDirectory() as made:
        folder = options.out or Path(made)
        wall, used = cold(data, folder, options.area)
        told("one, cold process", wall, used)
        walls, works = [], []
        wall, work = perf_counter(), process_time()
        for _ in write_profiles(data, folder):
            walls.append(perf_counter() - wall)
            works.append(process_time() - work)
            wall, work = perf_counter(), process_time()
        size = sum(path.stat().st_size for path in folder.glob("*.pdf")) / 1e6
    told("one, the first", walls[0], works[0])
    told("one, of the others", median(walls[1:]), median(works[1:]))
    told("the slowest of them", max(walls[1:]), max(works[1:]))
    told(f"all {len(walls)}", sum(walls), sum(works))
    print(f"{size:.1f} MB")
    if max(works) > ONE or sum(works) > ALL:
        sys.exit(f"Missed: one in {ONE:.0f} s, all in {ALL:.0f} s.")


if __name__ == "__main__":
    main()
