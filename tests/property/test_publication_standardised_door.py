"""No directly standardised value gives away what the door did not judge."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.tables import TablePolicy
from pipelines.publication.figures import FIGURE, figures
from pipelines.publication.standardised_door import publishable_direct
from pipelines.publication.standards import Standards, standard_strata
from pipelines.publication.unrounded import DIRECT, unrounded_values
from tests.support.publication_marts import small_region, specs

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
POLICIES = {"default": TablePolicy(), "staff": TablePolicy()}


def verdicts(seed: int, hidden: str = "") -> tuple[pl.DataFrame, pl.DataFrame]:
    """Verdicts, and the strata with few persons behind each figure."""
    region = small_region(seed)
    standards = Standards.of(region.marts, specs(), REFERENCE)
    counted = figures(region.marts, specs())
    values = unrounded_values(region.marts, specs(), standards, counted)
    got = publishable_direct(
        region.marts,
        specs(),
        standards,
        counted=counted,
        values=values,
        shown=counted.filter("exact").select(*FIGURE, shown=pl.col("area_code") != hidden),
        policies=POLICIES,
    )
    strata = standard_strata(counted, region.marts, standards)
    few = strata.filter(pl.col("numerator_persons").is_between(1, 4)).select(FIGURE).unique()
    return got, few


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_over_few_persons_one_value_at_most(seed: int) -> None:
    got, few = verdicts(seed)
    assert set(got["value_kind"]) <= set(DIRECT)
    doubtful = got.filter("publishable").join(few, on=list(FIGURE), how="semi")
    same_strata = doubtful.with_columns(
        both=(pl.col("sex") == "total").any().over("indicator_id", "area_code")
    )
    assert same_strata.filter(pl.col("both"), pl.col("sex") != "total").is_empty()
    per_figure = doubtful.group_by(FIGURE).len()
    assert per_figure.filter(pl.col("len") > 1).is_empty()


def test_without_small_strata_everything_is_publishable() -> None:
    got, few = verdicts(3)
    safe = got.join(few, on=list(FIGURE), how="anti")
    assert safe.height > 0
    assert safe["publishable"].all()


def test_a_hidden_figure_is_not_asked_about() -> None:
    got, _ = verdicts(3, hidden="5001")
    assert "5001" not in got["area_code"].to_list()
    assert "MIDT" in got["area_code"].to_list()


def test_a_policy_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(POLICIES, "default")
    with pytest.raises(KeyError):
        verdicts(3)
