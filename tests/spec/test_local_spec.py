"""Local recoding worked by hand."""

import polars as pl
import pytest

from anonymization.hierarchies import Hierarchy
from anonymization.microdata import anonymize
from anonymization.policies import MicrodataPolicy, QuasiIdentifier, SensitiveAttribute

PLACES = Hierarchy.tree({"a": "N", "b": "N", "c": "S", "d": "S", "N": "*", "S": "*"})


def made(frame, k=2, limit=0.0, **options):
    return anonymize(
        frame,
        MicrodataPolicy(
            k=k,
            quasi_identifiers=[QuasiIdentifier("place", PLACES)],
            suppression_limit=limit,
            **options,
        ),
    )


def test_large_classes_keep_what_small_ones_cannot():
    frame = pl.DataFrame({"place": ["a", "a", "a", "b", "b", "c", "d"], "row": range(7)})
    best = made(frame, insensitive=["row"])
    assert best.levels == {"place": 1}
    local = made(frame, insensitive=["row"], method="local")
    # a and b are large enough by themselves; c and d only together.
    assert local.table["place"].to_list() == ["a", "a", "a", "b", "b", "S", "S"]
    assert local.table["row"].to_list() == list(range(7))
    assert local.levels == {}
    # S covers two of four places: (2 - 1) / (4 - 1) for two of seven records.
    assert local.loss == pytest.approx(2 / 7 / 3, abs=1e-12)
    assert best.loss == local.report.evidence.best_loss == pytest.approx(1 / 3, abs=1e-12)
    assert local.report.loss_by_attribute == pytest.approx({"place": 2 / 7 / 3})


def test_a_part_that_is_too_small_takes_the_smallest_other_along():
    frame = pl.DataFrame({"place": ["a"] * 5 + ["b"] * 1 + ["c"] * 3 + ["d"] * 2})
    local = made(frame, method="local")
    # b alone is too small, so a stays in N with it; nothing else moves.
    assert local.table["place"].to_list() == ["N"] * 6 + ["c"] * 3 + ["d"] * 2


def test_suppressed_records_come_back_under_the_highest_labels():
    frame = pl.DataFrame({"place": ["a"] * 6 + ["b", "c"]})
    best = made(frame, limit=0.25)
    assert (best.suppressed, best.levels) == (2, {"place": 0})
    local = made(frame, limit=0.25, method="local")
    assert local.suppressed == 0
    assert local.table["place"].to_list() == ["a"] * 6 + ["*"] * 2
    assert local.loss == best.loss == pytest.approx(2 / 8)


def test_what_is_never_merged_is_suppressed_where_it_fails():
    frame = pl.DataFrame({"place": ["a", "a", "b", "c"], "year": [2023, 2023, 2023, 2024]})
    local = anonymize(
        frame,
        MicrodataPolicy(
            k=3,
            quasi_identifiers=[QuasiIdentifier("place", PLACES), QuasiIdentifier("year")],
            suppression_limit=0.25,
            method="local",
        ),
    )
    assert local.table.rows() == [("N", 2023)] * 3
    assert local.suppressed_rows.to_list() == [3]
    assert local.table.schema["year"] == pl.Int64


def test_diversity_keeps_parts_together():
    frame = pl.DataFrame(
        {"place": ["a", "a", "b", "b", "c", "c"], "ill": ["x", "x", "x", "y", "x", "y"]}
    )
    local = made(frame, sensitive=[SensitiveAttribute("ill", 2)], method="local")
    # All in a have x: they stay with b, which could go alone.
    assert local.table["place"].to_list() == ["N"] * 4 + ["c"] * 2
    assert local.report.diversity == {"ill": 2}


def test_twin_splitting_by_size_alone_tells_what_people_have():
    frame = pl.DataFrame(
        {"place": ["a", "a", "b", "b", "c", "c"], "ill": ["x", "x", "x", "y", "x", "y"]}
    )
    by_size = made(frame, insensitive=["ill"], method="local").table
    values = by_size.group_by("place").agg(pl.col("ill").n_unique())["ill"]
    assert values.min() == 1


@pytest.mark.parametrize("rows", [0, 1])
def test_next_to_nothing(rows):
    frame = pl.DataFrame({"place": ["a"] * rows}, schema={"place": pl.String})
    local = made(frame, k=1, method="local")
    assert (local.table.height, local.loss, local.suppressed) == (rows, 0.0, 0)
