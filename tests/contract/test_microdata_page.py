"""The worked table of the explanation for data protection officers: every figure is what comes out.

The page's own tables are read; nothing of them is repeated here.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from anonymization import Hierarchy, MicrodataPolicy, RiskReport, anonymize, assess, violations
from pipelines.publication.microdata_policy import read_policy
from pipelines.settings import ROOT

PAGE = (ROOT / "docs" / "explanation" / "microdata.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.split())
NAMES = ["age", "municipality"]
LEFT_OUT = "–"


def table(first: str, columns: int) -> pl.DataFrame:
    """The page's table whose head begins with a word and has so many columns."""
    for block in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        lines = [[cell.strip() for cell in row.strip("|").split("|")] for row in block.splitlines()]
        if lines[0][0] == first and len(lines[0]) == columns:
            return pl.DataFrame(lines[2:], schema=lines[0], orient="row")
    raise LookupError(f"microdata.md: no table with {first!r} and {columns} columns")


PERSONS = table("person", 8)
RAW = PERSONS.select(pl.col("person", "age").cast(pl.Int64), "municipality", "diagnosis")
MEASURES = table("measure", 4)
POPULATION = table("age", 3).with_columns(pl.col("persons").cast(pl.Int64))


def shown(prefix: str) -> pl.DataFrame:
    """What the page says the table became."""
    columns = [pl.col(f"{prefix}: {name}").alias(name) for name in NAMES]
    return PERSONS.select(*columns, "diagnosis").filter(pl.col("age") != LEFT_OUT)


TABLES = {"raw": RAW, "k": shown("k"), "k, l": shown("k, l")}


def measured(frame: pl.DataFrame) -> RiskReport:
    return assess(frame, NAMES, ["diagnosis"], reference=RAW, population=None, threshold=0.2)


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MicrodataPolicy]:
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    texts = {"k, l": found[1], "k": "\n".join(found[1].splitlines()[:-2])}
    assert "l: 2" in texts["k, l"]
    assert "sensitive" not in texts["k"]
    folder: Path = tmp_path_factory.mktemp("policies")
    for name, text in texts.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    return {name: read_policy(folder / f"{name}.yml") for name in texts}


@pytest.mark.parametrize("name", ["k", "k, l"])
def test_the_tables_are_what_the_door_makes(
    name: str, policies: dict[str, MicrodataPolicy]
) -> None:
    made = anonymize(RAW, policies[name])
    assert made.table.select(NAMES).equals(TABLES[name].select(NAMES))
    gone = PERSONS.with_row_index().filter(pl.col(f"{name}: age") == LEFT_OUT)["index"]
    assert made.suppressed_rows.to_list() == gone.to_list()
    assert violations(measured(TABLES[name]), policies[name]) == []
    assert violations(measured(RAW), policies[name]) != []


@pytest.mark.parametrize("name", TABLES)
def test_the_measures_are_what_is_measured(name: str) -> None:
    report = measured(TABLES[name])
    diagnosis = report.sensitive["diagnosis"]
    assert dict(MEASURES.select("measure", name).iter_rows()) == {
        "rows": str(report.records),
        "classes": str(report.classes),
        "smallest class (k)": str(report.k),
        "fewest diagnoses in a class (l)": str(diagnosis.distinct),
        "farthest class from all twelve (t)": f"{diagnosis.t:.2g}",
        "prosecutor, highest": percent(report.prosecutor_max),
        "marketer (mean)": percent(report.marketer),
        "above": percent(report.at_risk),
    }


def percent(share: float | None) -> str:
    assert share is not None
    return f"{100 * share:.3g} %"


def test_the_sentences_say_the_same() -> None:
    released = assess(TABLES["k, l"], NAMES, ["diagnosis"], reference=RAW, population=POPULATION)
    asthma = pl.col("diagnosis") == "asthma"
    young = TABLES["k, l"].filter(pl.col("age") == "20-39")
    share, whole = (frame.select(asthma.mean()).item() for frame in (young, RAW))
    numbers = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 12: "twelve"}
    k_class = TABLES["k"].filter(pl.col("age") == "30-39")
    assert k_class["diagnosis"].unique().to_list() == ["asthma"]
    left = RAW.filter(PERSONS["k, l: age"] == LEFT_OUT)
    fourth = RAW.row(3, named=True)
    for sentence in (
        f"person {fourth['person']} is the only one of {fourth['age']} years",
        f"she is one of {numbers[k_class.height]}",
        f"all {numbers[k_class.height]} have asthma",
        f"persons 1 to {young.height} became one class",
        f"{numbers[young.filter(asthma).height]} of {numbers[young.height]} have asthma",
        f"{percent(round(share, 2))} asthma, the twelve together {percent(round(whole, 2))}; "
        f"that difference is the distance of {released.sensitive['diagnosis'].t:.2f}",
        f"the smallest has {released.k_map}, so the k-map is {released.k_map}",
        f"Here it is {percent(released.presence_min)} and {percent(released.presence_max)}.",
        f"in one of {numbers[released.k]} cases at best",
        f"the journalist in {percent(released.journalist_max)} at best",
        f"the marketer in {percent(released.marketer)} on average",
        f"Person {left['person'].item()} is {left['age'].item()} years old",
    ):
        assert sentence in FLAT, sentence
    assert numbers[RAW.height] in FLAT


def test_a_person_of_two_years_is_no_crowd() -> None:
    twice = pl.concat([RAW, RAW])
    by_row, by_person = assess(twice, NAMES), assess(twice, NAMES, unit="person")
    assert (by_row.records, by_row.k) == (24, 2)
    assert f"a smallest class of {by_row.k}: every row has a twin" in FLAT
    assert f"Counted by person it is still {by_person.k}." in FLAT


HOW_TO = (ROOT / "docs" / "how-to" / "anonymise-a-table.md").read_text(encoding="utf-8")
HIERARCHIES = re.findall(r"^\| [^|]+ \| `(.+?)` \| ([^|]+, \*) \|$", HOW_TO, re.MULTILINE)


@pytest.mark.parametrize(("written", "steps"), HIERARCHIES)
def test_a_hierarchy_of_the_how_to_does_what_it_says(
    written: str, steps: str, tmp_path: Path
) -> None:
    (tmp_path / "p.yml").write_text(
        f"quasi_identifiers: [{{name: x, hierarchy: {written}}}]", encoding="utf-8"
    )
    hierarchy = read_policy(tmp_path / "p.yml").quasi_identifiers[0].hierarchy
    assert hierarchy is not None
    expected = steps.split(", ")
    labels = hierarchy.levels(pl.Series("x", expected[:1])).labels
    assert list(labels.row(0)) == expected


def test_the_file_of_the_how_to_is_a_hierarchy() -> None:
    assert len(HIERARCHIES) == 5
    found = re.search(r"```csv\n(.*?)```", HOW_TO, re.DOTALL)
    assert found is not None
    rows = pl.read_csv(found[1].encode(), separator=";", has_header=False, infer_schema=False)
    levels = Hierarchy.from_table(rows).levels(rows.to_series())
    assert levels.height == 3


@pytest.mark.parametrize(("c", "share"), [(3, 3 / 4), (1, 1 / 2)])
def test_recursive_diversity_bounds_the_commonest_value(c: float, share: float) -> None:
    common = int(100 * share)
    for number, is_held in ((common, False), (common - 1, True)):
        rare = [str(place % 3) for place in range(100 - number)]
        frame = pl.DataFrame({"x": ["a"] * 100, "s": ["m"] * number + rare})
        needed = assess(frame, ["x"], ["s"]).sensitive["s"].recursive
        assert needed is not None
        assert (needed < c) is is_held


def test_risks_of_the_how_to_are_one_in_k() -> None:
    rows = re.findall(r"^\| [^|]+ \| (\d+) \| ([\d.]+) % \|", HOW_TO, re.MULTILINE)
    assert len(rows) == 3
    assert all(f"{100 / int(k):.2g}" == f"{float(risk):.2g}" for k, risk in rows)
