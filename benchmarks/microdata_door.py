"""The whole microdata door on as many person-years as the full region has.

Usage: python benchmarks/microdata_door.py [--persons 755000] [--years 5] [--method local]

Person-years are drawn, not ingested: municipalities as large as they are, ages as in a population,
conditions and needs that grow with age. One table of six quasi-identifiers and two sensitive
attributes is made as the pipeline makes it: read, generalised, given new pseudonyms, written,
measured from its bytes, held against a public population and against the truth of an indicator,
told to stewards and analysts; then verified once more as the blocking check does. Prints seconds
and the peak memory; drawing is done in a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import polars as pl

from anonymization.keys import Key
from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.model import LANGUAGES
from pipelines.catalogue.tables import read_reference
from pipelines.publication.microdata_policy import policy_of
from pipelines.publication.microdata_rules import FOLDER, MicrodataRules, MicrodataTable
from pipelines.publication.microdata_tables import Restricted, verify, write_table
from pipelines.settings import Zones, reference_dir

RULES = {
    "source": "intermediate.generated",
    "recipient": "analysts",
    "agreement": dict.fromkeys(LANGUAGES, "none: generated persons"),
    "purpose": dict.fromkeys(LANGUAGES, "measuring the door itself"),
    "quasi_identifiers": [
        {"name": "year"},
        {
            "name": "municipality_code",
            "hierarchy": {"file": "hierarchies/municipalities.csv"},
            "weight": 2,
        },
        {"name": "sex", "hierarchy": "suppress"},
        {"name": "age", "hierarchy": {"file": "hierarchies/ages.csv"}, "weight": 2},
        {"name": "long_stay", "hierarchy": "suppress"},
        {"name": "home_nursing", "hierarchy": "suppress"},
    ],
    "sensitive": [
        {"name": "diabetes", "l": 2, "t": 0.3},
        {"name": "need_level", "l": 2, "t": 0.6, "distance": "ordered"},
    ],
    "suppression_limit": 0.02,
    "indicators": {"diabetes_type2_prevalence": "diabetes"},
}


def draw(folder: Path, persons: int, years: int) -> None:
    """Write ``rows``, ``population`` and ``truth``; the same seed gives the same ones."""
    random = np.random.default_rng(11)
    towns = read_reference(reference_dir(), "municipalities").filter(
        pl.col("valid_to").is_null() & pl.col("population_2025").is_not_null()
    )
    sizes = towns["population_2025"].cast(pl.Float64).to_numpy()
    town = random.choice(len(sizes), persons, p=sizes / sizes.sum())
    born = np.clip(random.beta(1.15, 1.6, persons) * 104, 0, 100).astype(np.int32)
    woman = random.random(persons) < 0.5
    keys = pl.Series([f"{number:032x}" for number in range(persons)])
    pieces = []
    for step in range(years):
        age = np.minimum(born + step, 105)
        frail = random.random(persons) < 0.4 / (1 + np.exp((88 - age) / 4.0))
        stay = frail & (random.random(persons) < 0.35)
        need = np.where(frail, random.integers(1, 6, persons), random.random(persons) < 0.02)
        pieces.append(
            pl.DataFrame(
                {
                    "person_id": keys,
                    "year": np.full(persons, 2021 + step, np.int32),
                    "municipality_code": towns["municipality_code"].gather(pl.Series(town)),
                    "sex": np.where(woman, "female", "male"),
                    "age": age,
                    "long_stay": stay,
                    "home_nursing": frail & ~stay,
                    "diabetes": random.random(persons) < 0.16 / (1 + np.exp((62 - age) / 7.0)),
                    "need_level": need.astype(np.int32),
                }
            )
        )
    rows = pl.concat(pieces)
    rows.write_parquet(folder / "rows.parquet")
    by = ["year", "municipality_code", "sex", "age"]
    rows.group_by(by).len("persons").write_parquet(folder / "population.parquet")
    cells = ["year", "municipality_code", "age"]
    counted = rows.group_by(cells).agg(
        diabetes_t2=pl.col("diabetes").sum().cast(pl.Float64),
        gp_residents=pl.len().cast(pl.Float64),
    )
    truth = counted.unpivot(index=cells, variable_name="measure_id")
    truth.with_columns(service=pl.lit(None, pl.String)).write_parquet(folder / "truth.parquet")


def main() -> None:
    """Draw, make, verify, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=755_000)
    parser.add_argument("--years", type=int, default=5)
    parser.add_argument("--method", default="local")
    options = parser.parse_args()
    entries = catalogue()
    rules = MicrodataRules.model_validate({**RULES, "method": options.method})
    table = MicrodataTable(entries.policies["demography"], rules, policy_of(rules, FOLDER))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawing = multiprocessing.get_context("spawn").Process(
            target=draw, args=(folder, options.persons, options.years)
        )
        drawing.start()
        drawing.join()
        zones = Zones(folder / "home").create()
        began, used = perf_counter(), process_time()
        given = Restricted(
            *(
                pl.read_parquet(folder / f"{part}.parquet")
                for part in ("rows", "population", "truth")
            )
        )
        told = write_table(
            zones, table, given, key=Key("k", 1, bytes(32)), release="r", entries=entries
        )
        made, made_used = perf_counter() - began, process_time() - used
        began = perf_counter()
        found = verify(zones, table, given.of(table), "r")
        checked = perf_counter() - began
        if found:
            raise SystemExit(" ".join(found))
        risk = told["risk"]
        print(f"{given.rows.height} person-years, {len(table.quasi_identifiers)} quasi-identifiers")
        print(f"made      {made:7.1f} s wall, {made_used:7.1f} s CPU")
        print(f"verified  {checked:7.1f} s wall")
        print(
            f"k {risk['k']}  classes {risk['classes']}  suppressed {told['suppressed']}  "
            f"loss {told['loss']:.4f}  bias {told['bias']}"
        )
    # In kilobytes on Linux.
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
