"""One job of a peer from the package index, run by an interpreter of its own.

Usage: PYTHON benchmarks/microdata_peers.py JOB GIVEN.parquet OPTIONS.json

Prints one line of JSON: seconds, seconds of processors and, where the job makes a table, its loss
(normalised certainty penalty) and the records it suppressed. Jobs: ``anjana`` (global recoding),
``umbra`` (Mondrian), ``pycanon`` (all of its measures), ``pycanon_k`` (k alone). Called by
``microdata.py``; nothing of Folkepuls is imported here.
"""

import contextlib
import io
import json
import sys
import tempfile
import warnings
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import pandas as pd

warnings.simplefilter("ignore")


def anjana(given: str, options: dict[str, Any]) -> dict[str, Any]:
    """Global recoding, from Parquet to Parquet."""
    from anjana.anonymity._k_anonymity import k_anonymity_inner

    start = perf_counter()
    frame = pd.read_parquet(given)
    names, k, limit = options["names"], options["k"], options["limit"]
    laid = {
        name: {level: pd.Series(labels, dtype=object) for level, labels in enumerate(columns)}
        for name, columns in options["hierarchies"].items()
    }
    made, suppressed, levels = k_anonymity_inner(frame, [], names, k, 100 * limit, laid)
    with tempfile.TemporaryDirectory() as folder:
        made[names].to_parquet(Path(folder) / "made.parquet")
    seconds = perf_counter() - start
    lost = 0.0
    for name in names:
        label = laid[name][levels[name]]
        leaves = label.map(label.value_counts())
        penalty = dict(zip(label, (leaves - 1) / (len(label) - 1), strict=True))
        lost += made[name].map(penalty).sum() + suppressed
    return {
        "seconds": seconds,
        "loss": lost / len(names) / len(frame),
        "suppressed": int(suppressed),
        "levels": [int(levels[name]) for name in names],
    }


def umbra(given: str, options: dict[str, Any]) -> dict[str, Any]:
    """Mondrian, from Parquet to Parquet."""
    from umbra_k import MondrianAnonymizer

    start = perf_counter()
    frame = pd.read_parquet(given)
    names = options["names"]
    sys.setrecursionlimit(100_000)
    made = MondrianAnonymizer(k=options["k"], quasi_id=names).fit_transform(frame)
    with tempfile.TemporaryDirectory() as folder:
        made[names].astype(str).to_parquet(Path(folder) / "made.parquet")
    seconds = perf_counter() - start
    lost = 0.0
    for name in names:
        domain = len(options["hierarchies"][name][0])
        texts = made[name].astype(str)
        lost += texts.map({t: covered(t, name) - 1 for t in texts.unique()}).sum() / (domain - 1)
    return {"seconds": seconds, "loss": lost / len(names) / len(frame), "suppressed": 0}


def covered(text: str, name: str) -> int:
    """Values that a label covers: a range of ages, or a list of texts."""
    if name != "age":
        return text.count(",") + 1
    low, _, high = text.partition("-")
    return int(high or low) - int(low) + 1


def pycanon(given: str, options: dict[str, Any]) -> dict[str, Any]:
    """Every measure that has a counterpart in ``assess``."""
    from pycanon import anonymity

    frame = pd.read_parquet(given)
    names, of = options["names"][:-1], options["names"][-1:]
    start = perf_counter()
    k = anonymity.k_anonymity(frame, names)
    anonymity.l_diversity(frame, names, of)
    anonymity.entropy_l_diversity(frame, names, of)
    anonymity.recursive_c_l_diversity(frame, names, of)
    anonymity.t_closeness(frame, names, of)
    return {"seconds": perf_counter() - start, "k": int(k)}


def pycanon_k(given: str, options: dict[str, Any]) -> dict[str, Any]:
    """The k alone, of all columns, with the reading of the file."""
    from pycanon import anonymity

    start = perf_counter()
    k = anonymity.k_anonymity(pd.read_parquet(given), options["names"])
    return {"seconds": perf_counter() - start, "k": int(k)}


if __name__ == "__main__":
    job, given, options = sys.argv[1:]
    cpu = process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        done = globals()[job](given, json.loads(Path(options).read_text(encoding="utf-8")))
    # With the counting of what was lost, which is little beside the job.
    done["cpu"] = process_time() - cpu
    sys.stdout.write(json.dumps(done) + "\n")
