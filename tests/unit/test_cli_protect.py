"""The table door by hand: what is written, what is audited, and what is never told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from anonymization.tables import TablePolicy, verify
from pipelines.cli import app
from pipelines.errors import message_of
from pipelines.publication import table_files
from pipelines.publication.table_files import TableFileError, protect_file, read_policy
from pipelines.settings import ROOT

AREAS = ["0301", "0302", "5001", "5002"]
CELLS = pl.DataFrame(
    {
        "area": AREAS * 2,
        "[kjønn]": ["f"] * 4 + ["m"] * 4,
        "count": [2, 30, 40, 50, 60, 70, 80, 90],
    }
)
HIERARCHIES = """\
area: {parents: {"0301": "03", "0302": "03", "5001": "50", "5002": "50"}}
"[kjønn]": flat
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "h.yml").write_text(HIERARCHIES, encoding="utf-8")
    (tmp_path / "p.yml").write_text("threshold: 5\n", encoding="utf-8")
    CELLS.write_parquet(tmp_path / "cells.parquet")
    CELLS.write_csv(tmp_path / "cells.csv", separator=";")
    return tmp_path


def call(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def words(folder: Path, name: str = "cells.parquet") -> list[object]:
    options = ["--hierarchies", folder / "h.yml", "--policy", folder / "p.yml"]
    return ["protect", folder / name, *options, "--out", folder / "out"]


def test_a_table_its_certificate_and_the_stewards_report(folder: Path) -> None:
    done = call(*words(folder))
    assert done.exit_code == 0, done.output
    table = pl.read_parquet(folder / "out" / "cells.parquet")
    assert table.columns == ["area", "[kjønn]", "count", "status"]
    assert table.height == 7 * 3
    assert table.filter(pl.col("area") == "total", pl.col("[kjønn]") == "total")[
        "count"
    ].to_list() == [422]
    assert f"{table.height} cells, {table['count'].null_count()} hidden" in done.output
    certificate = json.loads((folder / "out" / "cells.certificate.json").read_text())
    assert certificate["cells"] == 21
    assert {attack["succeeded"] for attack in certificate["attacks"]} == {0}
    # What a reader gets never tells primary from secondary, nor the narrowest interval.
    assert {"hidden_by_reason", "hidden_by_rule", "narrowest_interval"}.isdisjoint(certificate)
    report = json.loads((folder / "out" / "cells.report.json").read_text())
    assert report["hidden_by_rule"] == {"persons": 1}
    assert report["hidden_by_reason"] == {"primary": 1, "secondary": 3}
    assert report["narrowest_interval"] >= 3
    assert "search" not in certificate
    search = report["search"]
    assert (search["blocks"], search["with_hidden_cells"], search["proven_least"]) == (1, 1, 1)
    assert search["each"] == [
        {
            "block": 0,
            "cells": 21,
            "hidden": 4,
            "pattern": "proven_least",
            "not_proven_because": None,
            "cost": 3.0,
            "no_pattern_costs_less_than": 3.0,
            "gap": 0.0,
        }
    ]


def test_the_stewards_are_told_why_less_might_be_hidden(folder: Path) -> None:
    (folder / "p.yml").write_text("exact_cells: 20\n", encoding="utf-8")
    assert call(*words(folder)).exit_code == 0
    search = json.loads((folder / "out" / "cells.report.json").read_text())["search"]
    assert search["proven_least"] == 0
    (told,) = search["each"]
    assert told["pattern"] == "found_by_search"
    assert told["not_proven_because"] == "too_large"
    assert told["not_proven_because"] in search["reasons"]
    assert told["no_pattern_costs_less_than"] is None


@pytest.mark.parametrize("name", ["cells.parquet", "cells.csv"])
def test_what_fails_alone_is_shown_in_a_group(folder: Path, name: str) -> None:
    (folder / "h.yml").write_text(
        HIERARCHIES.replace("area: {", "area: {members: towns.csv, "), encoding="utf-8"
    )
    (folder / "p.yml").write_text(
        "threshold: 5\nmerge: {area: {minimum: [1000]}}\n", encoding="utf-8"
    )
    (folder / "towns.csv").write_text(
        "code,size,name\n0301,600,Ås\n0302,700,Ski\n5001,90000,By\n5002,80000,Vik\n",
        encoding="utf-8",
    )
    separator = ["--separator", ";"] if name.endswith("csv") else []
    done = call(*words(folder, name), *separator)
    assert done.exit_code == 0, done.output
    written = folder / "out" / name
    table = (
        pl.read_parquet(written)
        if name.endswith("parquet")
        else pl.read_csv(written, separator=";", infer_schema=False)
    )
    group = table.filter(pl.col("area_label") == "Ås + Ski", pl.col("[kjønn]") == "f")
    assert group.select(pl.col("area", "count").cast(pl.String)).rows() == [("0301 + 0302", "32")]
    alone = table.filter(pl.col("area") == "0301", pl.col("[kjønn]") == "f")
    assert alone.select("count", "area_shown_with").rows() == [(None, "0301 + 0302")]
    certificate = json.loads((folder / "out" / "cells.certificate.json").read_text())
    told = certificate["hidden_and_shown_in_a_group"]
    assert told == table["area_shown_with"].count()
    assert f"{told} of them are shown in a group." in done.output


def test_csv_keeps_codes_and_gives_the_same_pattern(folder: Path) -> None:
    assert call(*words(folder)).exit_code == 0
    done = call(*words(folder, "cells.csv"), "--separator", ";")
    assert done.exit_code == 0, done.output
    told = pl.read_csv(folder / "out" / "cells.csv", separator=";", infer_schema=False)
    given = pl.read_parquet(folder / "out" / "cells.parquet")
    assert told.with_columns(pl.col("count").cast(pl.Int64)).equals(given)


def test_base_cells_that_are_added_up_differently_from_place_to_place(folder: Path) -> None:
    """Two municipalities with other age bands: the sums are named, and there is no other."""
    pl.DataFrame(
        {"cell": ["a 0-49", "a 50+", "b 0-79", "b 80+"], "count": [2, 30, 40, 9]}
    ).write_parquet(folder / "cells.parquet")
    (folder / "sums.csv").write_text(
        "code,parent\na 0-49,a\na 50+,a\nb 0-79,b\nb 80+,b\na,region\nb,region\n", encoding="utf-8"
    )
    (folder / "h.yml").write_text("cell: {file: sums.csv, total: false}\n", encoding="utf-8")
    assert call(*words(folder)).exit_code == 0
    table = pl.read_parquet(folder / "out" / "cells.parquet")
    assert dict(table.select("cell", "count").iter_rows()) == {
        "a": 32,
        "a 0-49": None,
        "a 50+": None,
        "b": 49,
        "b 0-79": 40,
        "b 80+": 9,
        "region": 81,
    }


def test_what_does_not_hold_gets_no_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = table_files.protect

    def careless(*given):
        made = genuine(*given)
        # One hidden cell shown again, as a defect in writing would leave it.
        unsafe = (pl.col("area") == "0301") & (pl.col("[kjønn]") == "f")
        leaky = made.table.with_columns(
            pl.when(unsafe).then(pl.lit(2)).otherwise(pl.col("count")).alias("count")
        )
        return replace(made, table=leaky)

    monkeypatch.setattr(table_files, "protect", careless)
    with pytest.raises(TableFileError, match="was deleted: 4 hidden cells can be recovered") as no:
        protect_file(folder / "cells.parquet", folder / "h.yml", folder / "p.yml", folder / "out")
    assert message_of(no.value)
    assert list((folder / "out").iterdir()) == []


def test_a_misstated_cell_and_a_lost_one_are_found(folder: Path) -> None:
    made = protect_file(
        folder / "cells.parquet", folder / "h.yml", folder / "p.yml", folder / "out"
    )
    dimensions, _ = table_files.read_hierarchies(folder / "h.yml")
    table = made.protected.table
    wrong = table.with_columns(pl.col("count") + (pl.col("area") == "total").cast(pl.Int64))
    assert verify(wrong, CELLS, dimensions, TablePolicy()).misstated == 3
    with pytest.raises(ValueError, match="expected 21 cells"):
        verify(table.head(20), CELLS, dimensions, TablePolicy())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.yml", "treshold: 5\n", "treshold"),
        ("p.yml", "kind: microdata\nrules: {k: 5}\n", "of kind table"),
        ("p.yml", "- 5\n", "expected names and values"),
        ("p.yml", "a: [\n", "is no YAML"),
        ("h.yml", "area: {parents: {}, file: x.csv}\n", "exactly one of parents and file"),
        ("h.yml", "area: {file: absent.csv}\n", "cannot be read"),
        ("h.yml", "area: flat\n", "unknown columns"),
        ("p.yml", "merge: {area: {minimum: [9]}}\n", "merged by size ['area'], got []"),
        ("p.yml", "merge: {area: {minimum: [9], by: name}}\n", "by"),
        ("h.yml", HIERARCHIES.replace("flat", "{file: sexes.csv}"), "code and parent"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(
    folder: Path, name: str, content: str, said: str
) -> None:
    (folder / "sexes.csv").write_text("a,b\nf,m\n", encoding="utf-8")
    (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r".") as refused:
        protect_file(folder / "cells.parquet", folder / "h.yml", folder / "p.yml", folder / "out")
    message = message_of(refused.value)
    assert message is not None
    assert said in message
    assert not (folder / "out").exists()


def test_counts_are_numbers_and_the_source_is_kept(folder: Path) -> None:
    CELLS.cast({"count": pl.String}).with_columns(count=pl.lit("Kari")).write_csv(
        folder / "cells.csv"
    )
    with pytest.raises(TableFileError, match="no number in 8 of 8 rows") as refused:
        protect_file(folder / "cells.csv", folder / "h.yml", folder / "p.yml", folder / "out")
    assert "Kari" not in str(refused.value)
    with pytest.raises(TableFileError, match="its own folder"):
        protect_file(folder / "cells.parquet", folder / "h.yml", folder / "p.yml", folder)


def test_rounding_and_sensitive_themes_by_hand(folder: Path) -> None:
    (folder / "p.yml").write_text("method: round\n", encoding="utf-8")
    assert call(*words(folder)).exit_code == 0
    table = pl.read_parquet(folder / "out" / "cells.parquet")
    assert table["count"].null_count() == 0
    assert table["status"].unique().to_list() == ["ok"]
    assert table.filter(area="0301")["count"].sort().to_list()[0] in (0, 5)
    report = json.loads((folder / "out" / "cells.report.json").read_text())
    assert report["hidden_by_reason"]["rounded"] >= 1
    CELLS.with_columns(sensitive=pl.lit("True")).write_csv(folder / "cells.csv")
    (folder / "p.yml").write_text("sensitive_threshold: 31\n", encoding="utf-8")
    assert call(*words(folder, "cells.csv")).exit_code == 0
    report = json.loads((folder / "out" / "cells.report.json").read_text())
    assert report["hidden_by_rule"] == {"persons": 2}
    CELLS.with_columns(sensitive=pl.lit("kanskje")).write_csv(folder / "cells.csv")
    with pytest.raises(TableFileError, match="got 8 rows that are not") as refused:
        protect_file(folder / "cells.csv", folder / "h.yml", folder / "p.yml", folder / "out")
    assert "kanskje" not in str(refused.value)


def test_policies_of_the_catalogue_are_read() -> None:
    path = ROOT / "pipelines" / "catalogue" / "policies" / "staff.yml"
    assert read_policy(path).min_providers == 3
