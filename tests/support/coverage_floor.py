"""Branch coverage that may not fall: read after the tests, fails with one line per package.

Belongs here: the packages that are held to a floor, and the floor. Does not belong here: how the
tests are run.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from coverage import Coverage
from coverage.exceptions import NoDataError

ROOT = Path(__file__).resolve().parents[2]
FLOORS: Mapping[str, float] = {"anonymization": 0.95, "pipelines/ingest": 0.95}
"""Least share of statements and branches that must be reached, by folder."""


def branch_coverage(measured: Coverage, root: Path, folder: str) -> float | None:
    """Share of a folder's statements and branches that were reached.

    Args:
        measured: Coverage data, loaded.
        root: Folder of the project.
        folder: A package, relative to the root.

    Returns:
        A share from 0 to 1; files that no test touched count as not reached. Null when the folder
        holds no Python file.
    """
    files = sorted(str(path) for path in (root / folder).rglob("*.py"))
    if not files:
        return None
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "coverage.json"
        measured.json_report(morfs=files, outfile=str(report))
        totals = json.loads(report.read_text(encoding="utf-8"))["totals"]
    reached = totals["covered_lines"] + totals["covered_branches"]
    possible = totals["num_statements"] + totals["num_branches"]
    return float(reached / possible) if possible else None


def verdicts(data_file: Path, root: Path, floors: Mapping[str, float]) -> list[tuple[bool, str]]:
    """One line per folder, and whether it keeps its floor.

    Args:
        data_file: The file that coverage wrote.
        root: Folder of the project.
        floors: Least share by folder.
    """
    measured = Coverage(data_file=str(data_file), config_file=str(ROOT / "pyproject.toml"))
    try:
        measured.load()
        if not measured.get_data().measured_files():
            raise NoDataError
    except NoDataError:
        return [(False, f"{data_file} holds no coverage; run pytest with --cov first")]
    if not measured.get_data().has_arcs():
        return [(False, f"{data_file} holds no branches; set branch = true in pyproject.toml")]
    lines = []
    for folder, floor in floors.items():
        share = branch_coverage(measured, root, folder)
        if share is None:
            lines.append((False, f"{folder}: no Python files; correct the list of floors"))
            continue
        # Cut, not rounded: 94.96 is not 95.
        told = f"{folder}: branch coverage {int(share * 1000) / 10} %, at least {floor:.0%} wanted"
        lines.append((share >= floor, told))
    return lines


def main() -> int:
    """Print the verdicts; 1 when a floor is not kept."""
    found = verdicts(ROOT / ".coverage", ROOT, FLOORS)
    for keeps, line in found:
        print(line if keeps else f"too low: {line}")
    return 0 if all(keeps for keeps, _ in found) else 1


if __name__ == "__main__":
    sys.exit(main())
