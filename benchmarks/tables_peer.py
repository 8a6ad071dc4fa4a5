"""The table of ``tables.py`` by pytauargus' modular method, run by an interpreter of its own.

Usage: PYTHON benchmarks/tables_peer.py FOLDER SAFETY_RULE COST [LEVELS.hst]

Reads ``cells.csv`` and ``area.hrc`` in the folder, writes ``status.csv`` (one row per cell: its
codes and S, U, M or E) and prints one line of JSON: seconds elapsed and of the processor. Its
engine leaves scratch files where it runs, so run it in a folder that is thrown away. Called by
``tables.py``; nothing of Folkepuls is imported here.
"""

import csv
import json
import sys
from pathlib import Path
from time import perf_counter, process_time

from pytauargus import protect
from pytauargus.engine import run_batch
from pytauargus.result import parse_simple_tab

READ = "<READMICRODATA>\n"


def main(folder: Path, rule: str, cost: str, levels: str | None = None) -> None:
    """Protect the table, every small count by its own levels if a file names them."""
    with (folder / "cells.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "count"]
    persons = {
        name: [row[name] for row in rows for _ in range(int(row["count"]))] for name in names
    }
    persons["one"] = [1] * len(persons[names[0]])
    elapsed, processor = perf_counter(), process_time()
    made = protect(
        persons,
        names,
        response="one",
        safety_rules=rule,
        suppress="MOD(1,5)",
        cost_var=cost,
        decimals=0,
        hrc={"area": str(folder / "area.hrc")},
        hierleadstring="@",
        totcode="total",
        workdir=str(folder),
        run=False,
    )
    batch = Path(made.files["arb"])
    if levels is not None:
        told = f'<APRIORI> "{levels}",1,";",0,0\n'
        batch.write_text(batch.read_text().replace(READ, READ + told))
    run_batch(batch)
    seconds = perf_counter() - elapsed, process_time() - processor
    with (folder / "status.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, "status"])
        for row in parse_simple_tab(made.files["tab1"], names, "one"):
            writer.writerow([*(row[name] for name in names), row["status"]])
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
