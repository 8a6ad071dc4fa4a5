"""One view over Observations: Folkepuls, bare DuckDB, and the Python library ``sqlonfhir``.

Usage: python benchmarks/views.py [--rows 100000] [--rounds 7] [--threads 1]

The Observations are made in the same run. Prints the best seconds of each and the two ratios:
Folkepuls (``flatten``: read, run, write Parquet durably) should take at most 1.5 times as long as a
query that a person would write in DuckDB for the same columns with an explicit schema, written as
Parquet too; ``sqlonfhir`` should take at least 20 times as long as Folkepuls, the reading of its
resources included and nothing written. The three results are compared before anything is printed.
The first two take turns, so that what else the machine does befalls both.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import duckdb
import polars as pl
from sqlonfhir import evaluate

from pipelines.ingest.views.flatten import flatten, flattenable

VIEW = {
    "resource": "Observation",
    "name": "observations",
    "constant": [{"name": "loinc", "valueUri": "http://loinc.org"}],
    "select": [
        {
            "column": [
                {"name": "id", "path": "getResourceKey()"},
                {"name": "patient", "path": "subject.getReferenceKey(Patient)"},
                {"name": "status", "path": "status"},
                {"name": "category", "path": "category.coding.code.first()"},
                {"name": "code", "path": "code.coding.where(system = %loinc).code.first()"},
                {"name": "value", "path": "value.ofType(Quantity).value"},
                {"name": "unit", "path": "value.ofType(Quantity).unit"},
                {"name": "observed", "path": "effective.ofType(dateTime)"},
                {"name": "encounter", "path": "encounter.getReferenceKey(Encounter)"},
            ]
        }
    ],
    "where": [{"path": "status = 'final'"}],
}
CODING = "STRUCT(coding STRUCT(system VARCHAR, code VARCHAR)[])"
BARE = f"""
SELECT id, split_part(subject.reference, '/', 2) AS patient, status,
  category[1].coding[1].code AS category,
  list_filter(code.coding, lambda c: c.system = 'http://loinc.org')[1].code AS code,
  valueQuantity.value AS value, valueQuantity.unit AS unit, effectiveDateTime AS observed,
  split_part(encounter.reference, '/', 2) AS encounter
FROM read_json($1, format = 'newline_delimited', columns = {{
  id: 'VARCHAR', status: 'VARCHAR', subject: 'STRUCT(reference VARCHAR)',
  encounter: 'STRUCT(reference VARCHAR)', category: '{CODING}[]', code: '{CODING}',
  valueQuantity: 'STRUCT("value" DOUBLE, unit VARCHAR)', effectiveDateTime: 'VARCHAR'}})
WHERE status = 'final'
"""


def observation(number: int, chance: random.Random) -> dict[str, object]:
    """One Observation with what journals put into them, most of which the view does not read."""
    loinc, value = chance.choice((("8480-6", 120), ("8867-4", 70), ("29463-7", 80)))
    moment = f"2024-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T08:30:00+01:00"
    return {
        "resourceType": "Observation",
        "id": f"obs-{number}",
        "meta": {"versionId": "1", "lastUpdated": moment, "profile": ["http://example.org/p"]},
        "identifier": [{"system": "urn:oid:1.2.3", "value": str(number)}],
        "status": "final" if chance.random() < 0.97 else "entered-in-error",
        "category": [{"coding": [{"system": "http://example.org/c", "code": "vital-signs"}]}],
        "code": {
            "coding": [
                {"system": "urn:oid:1.2.3.4", "code": f"L{loinc[:3]}", "display": "local"},
                {"system": "http://loinc.org", "code": loinc, "display": "a measurement"},
            ],
            "text": "a measurement",
        },
        "subject": {"reference": f"Patient/p{number % 5000}", "display": "somebody"},
        "encounter": {"reference": f"Encounter/e{number % 20000}"},
        "effectiveDateTime": moment,
        "issued": moment,
        "performer": [{"reference": "Practitioner/x", "display": "somebody"}],
        "valueQuantity": {
            "value": round(chance.gauss(value, 10), 1),
            "unit": "u",
            "system": "http://unitsofmeasure.org",
            "code": "u",
        },
        "note": [{"text": "words " * chance.randint(0, 12)}],
    }


def best(rounds: int, steps: dict[str, Callable[[], object]]) -> dict[str, tuple[float, float]]:
    """The least wall and CPU seconds of several rounds, in which the steps take turns."""
    spent = dict.fromkeys(steps, (float("inf"), float("inf")))
    for _ in range(rounds):
        for name, step in steps.items():
            begun, used = perf_counter(), process_time()
            step()
            wall, cpu = spent[name]
            spent[name] = min(wall, perf_counter() - begun), min(cpu, process_time() - used)
    return spent


def bare(file: Path, out: Path, threads: int) -> None:
    """What a person would write."""
    with duckdb.connect(config={"threads": threads}) as con:
        con.execute(f"COPY ({BARE}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)", [str(file)])


def library(file: Path) -> list[dict[str, object]]:
    """The rows of ``sqlonfhir``."""
    with file.open(encoding="utf-8") as lines:
        rows: list[dict[str, object]] = evaluate(
            map(json.loads, lines), json.loads(json.dumps(VIEW))
        )
        return rows


def main() -> None:
    """Run all three and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1, help="of DuckDB, in both")
    arguments = parser.parse_args()
    chance = random.Random(20231103)
    view = flattenable(VIEW)
    with tempfile.TemporaryDirectory() as name:
        file, ours, theirs = (Path(name) / n for n in ("o.ndjson", "ours.parquet", "bare.parquet"))
        with file.open("w", encoding="utf-8") as out:
            for number in range(arguments.rows):
                out.write(json.dumps(observation(number, chance)) + "\n")
        print(f"{arguments.rows} Observations, {file.stat().st_size / 1e6:.0f} MB of NDJSON")
        slow: list[dict[str, object]] = []
        quick: dict[str, Callable[[], object]] = {
            "bare DuckDB": lambda: bare(file, theirs, arguments.threads),
            "Folkepuls": lambda: flatten(view, [file], ours, arguments.threads),
        }
        spent = best(arguments.rounds, quick)
        spent |= best(1, {"sqlonfhir": lambda: slow.extend(library(file))})
        ordered = pl.read_parquet(ours).sort("id")
        if not ordered.equals(pl.read_parquet(theirs).sort("id")):
            raise SystemExit("Folkepuls and the bare query differ: the comparison is void.")
        if not ordered.equals(pl.DataFrame(slow, schema=ordered.schema).sort("id")):
            raise SystemExit("Folkepuls and sqlonfhir differ: the comparison is void.")
    for who, (wall, cpu) in spent.items():
        print(f"  {who:<12} {wall:7.2f} s   CPU {cpu:7.2f} s")
    walls = {who: wall for who, (wall, _) in spent.items()}
    print(f"Folkepuls / bare DuckDB: {walls['Folkepuls'] / walls['bare DuckDB']:.2f} (at most 1.5)")
    print(f"sqlonfhir / Folkepuls:   {walls['sqlonfhir'] / walls['Folkepuls']:.0f} (at least 20)")


if __name__ == "__main__":
    main()
