"""Every indicator of a whole region: from restricted tables to exact counts, and to a candidate.

Usage: python benchmarks/indicators.py [--home FOLDER] [--scale 1] [--years 5] [--memory 4GB]

The home is one that this script has left behind; without one a region is made and taken in first,
which takes some ten minutes and 6 GB of disk at full size. Prints for each step rows, seconds, CPU
seconds and peak memory of its own process: what DuckDB needs merely to read every column of the
restricted files; the models of dbt, with the strata between them, down to all exact counts (dbt's
tests of them apart); protection with every interval proved, rates and comparisons, and the audit
of the written files. To aim for on two processors and 6 GiB: three minutes to the counts, five
from there.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

from full_region import make, measured, read, take_in

from pipelines.assets.doors import read_warehouse, strata_of
from pipelines.assets.release import POPULATION, denominator_source, read_marts
from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.tables import catalogue_tables
from pipelines.clients.population_register import chosen, lay_out
from pipelines.ingest.ledger import delivered_years, origin_of
from pipelines.publication.build import build
from pipelines.publication.reaudit import audit_files
from pipelines.publication.release import Origin, write_candidate
from pipelines.resources import (
    DBT_FOLDER,
    dbt_environment,
    environment,
    prepared_dbt_project,
)
from pipelines.settings import Settings, reference_dir

if TYPE_CHECKING:
    from collections.abc import Iterable

MINUTES = {"counts": 3, "protected": 5}


def prepare(settings: Settings) -> int:
    """Lay out the catalogue and the register, and parse the models: none of it reads a journal."""
    zones, years = settings.zones.create(), delivered_years(settings.zones)
    frames = catalogue_tables(
        catalogue(), reference_dir(), years, settings.public_denominators, settings.border_set
    )
    zones.catalogue.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.write_parquet(zones.catalogue / f"{name}.parquet")
    lay_out(zones, chosen(zones, "synthetic", synthetic_persons=True))
    prepared_dbt_project(settings)
    return sum(frame.height for frame in frames.values())


def to_strata(settings: Settings) -> int:
    """The models below the strata; their number. dbt keeps the warehouse open: one process each."""
    return _dbt(settings, "run", "tag:pre_strata")


def strata(settings: Settings) -> int:
    """The strata that everything is counted by; their number."""
    found = strata_of(
        read_warehouse(settings.zones, "intermediate.int_resident_counts"), catalogue()
    )
    found.drop("below_k").write_parquet(settings.zones.strata_map)
    return found.height


def count(settings: Settings) -> int:
    """The marts: every exact count; the number of models."""
    return _dbt(settings, "run", "tag:post_strata")


def test(settings: Settings) -> int:
    """What dbt promises of the models."""
    return _dbt(settings, "test", "tag:pre_strata", "tag:post_strata")


def _dbt(settings: Settings, command: str, *selected: str) -> int:
    from dbt.cli.main import dbtRunner

    arguments = ["--quiet", command, "--project-dir", str(DBT_FOLDER), "--select", *selected]
    with environment(dbt_environment(settings)):
        result = dbtRunner().invoke(arguments)
    if not result.success:
        raise SystemExit(f"dbt {command} did not end well: {result.exception or 'see above'}")
    return len(list(cast("Iterable[object]", result.result or ())))


def protect(settings: Settings) -> int:
    """A candidate: protected, proved, rates, comparisons, written."""
    zones, entries = settings.zones, catalogue()
    origin = Origin(*origin_of(zones))
    candidate = build(
        read_marts(zones),
        entries,
        reference_dir(),
        delivered_years(zones),
        denominator_source(settings, synthetic_persons=origin.synthetic),
        read_warehouse(zones, POPULATION),
        settings.border_set,
    )
    write_candidate(zones, candidate.tables, candidate.exact, candidate.certificate, origin)
    return candidate.tables["indicator_values"].height


def audit(settings: Settings) -> int:
    """The written files again, as a reader finds them; the number of hidden cells."""
    zones = settings.zones
    newest = max(zones.releases.iterdir(), key=lambda folder: folder.stat().st_mtime)
    found = audit_files(newest, read_marts(zones), catalogue())
    if not found.ok:
        raise SystemExit(f"{found.recovered} hidden cells can be recovered from the files")
    return found.hidden


def main() -> None:
    """Run all steps and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--years", type=int, default=5)
    parser.add_argument("--memory", default="4GB")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = arguments.home or Path(name) / "home"
        settings = Settings(home=home, memory_limit=arguments.memory)
        zones = settings.zones
        if not zones.restricted.is_dir():
            extract, register = home.parent / "extract", zones.register / "synthetic"
            measured("make the region", make, extract, arguments.scale, arguments.years, register)
            measured("take it in", take_in, home, extract)
        measured("prepare the catalogue and dbt", prepare, settings)
        measured("read every column with DuckDB", read, zones.restricted)
        counted = measured("models to the strata", to_strata, settings)
        counted += measured("the strata", strata, settings)
        counted += measured("exact counts", count, settings)
        measured("dbt's tests of them", test, settings)
        protected = measured("protected, proved and written", protect, settings)
        protected += measured("the written files audited", audit, settings)
    print(f"counts in {counted / 60:.1f} of {MINUTES['counts']} minutes", end=", ")
    print(f"protected and audited in {protected / 60:.1f} of {MINUTES['protected']}")


if __name__ == "__main__":
    main()
