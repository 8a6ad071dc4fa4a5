"""No directly standardised value gives away what the door did not judge."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.tables import TablePolicy
from pipelines.publication import standardised_door
from pipelines.publication.figures import FIGURE, figures
from pipelines.publication.standardised_door import publishable_direct
from pipelines.publication.standardised_sums import SIBLINGS, family_strata, family_sums
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


def judged_as(monkeypatch: pytest.MonkeyPatch, seed: int) -> list[tuple[pl.DataFrame, ...]]:
    """What the door of rates is asked about a region, indicator by indicator."""
    asked: list[tuple[pl.DataFrame, ...]] = []

    def keep(
        strata: pl.DataFrame, figures: pl.DataFrame, policy: TablePolicy, sums: pl.DataFrame
    ) -> pl.DataFrame:
        asked.append((strata, figures, sums))
        return figures.select("figure_id", publishable=pl.lit(True))

    monkeypatch.setattr(standardised_door, "publishable_standardised", keep)
    verdicts(seed)
    return asked


@settings(max_examples=3)
@given(st.integers(0, 10_000))
def test_every_value_that_there_is_gets_a_verdict(seed: int) -> None:
    """Some of those over few persons are refused, whatever the region."""
    got, few = verdicts(seed)
    assert set(got["value_kind"]) == set(DIRECT)
    assert got.select(*FIGURE, "value_kind").is_duplicated().sum() == 0
    assert got["publishable"].null_count() == 0
    doubtful = got.join(few, on=list(FIGURE), how="semi")
    assert 0 < doubtful["publishable"].sum() < doubtful.height


def test_all_values_of_an_area_are_one_family_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = judged_as(monkeypatch, seed=3)
    figures = pl.concat(figures for _, figures, _ in asked)
    order = figures.sort("family", "priority").group_by("family", maintain_order=True)
    names = [
        tuple("|".join(name.split("|")[i] for i in (3, 7)) for name in ids)
        for ids in order.agg("figure_id")["figure_id"].to_list()
    ]
    spec = specs("emergency_admissions_per_1000")[0]
    first = spec.headline_kind if spec.headline_kind in DIRECT else DIRECT[-1]
    second = next(kind for kind in DIRECT if kind != first)
    ranked = [("total", first), ("total", second)]
    ranked += [(sex, kind) for kind in (first, second) for sex in ("female", "male")]
    assert tuple("|".join(one) for one in ranked) in names
    for strata, _, _ in asked:
        whole = strata.group_by("figure_id").agg(pl.col("stratum_id").n_unique())
        placed = whole.join(figures, on="figure_id").group_by("family")
        assert placed.agg(pl.col("stratum_id").n_unique())["stratum_id"].to_list() == [
            1 for _ in range(placed.len().height)
        ]


def test_a_direct_headline_comes_first() -> None:
    spec = specs("emergency_admissions_per_1000")[0]
    rows = pl.DataFrame(
        {"sex": ["total", "female"] * 2, "value_kind": [kind for kind in DIRECT for _ in "ab"]}
    )
    for headline, expected in (("direct_region", [1, 4, 0, 2]), ("indirect", [1, 4, 0, 2])):
        changed = spec.model_copy(update={"headline_kind": headline})
        assert rows.select(standardised_door.priority(changed)).to_series().to_list() == expected


def test_sums_are_what_figures_show_and_what_they_hide() -> None:
    """Every sum is the count of its figure; a figure of another indicator may show it."""
    region = small_region(3)
    standards = Standards.of(region.marts, specs(), REFERENCE)
    counted = figures(region.marts, specs())
    values = unrounded_values(region.marts, specs(), standards, counted)
    direct = values.filter(pl.col("value_kind").is_in(DIRECT), pl.col("value").is_not_null())
    strata = family_strata(counted, region.marts, standards, direct)
    # 80 and over of home nursing is hidden by one indicator and shown by another.
    shown = counted.filter("exact").select(
        *FIGURE, shown=pl.col("indicator_id") == "home_nursing_users_80plus_share"
    )
    sums = family_sums(specs(), shown, strata, POLICIES)
    assert sums.filter("shown")["sum_id"].unique().sort().to_list() == [
        "female|80|199",
        "male|80|199",
        "total|80|199",
    ]
    names = counted.with_columns(sum_id=pl.concat_str("sex", "low", "high", separator="|"))
    added = (
        sums.join(strata, on=[*SIBLINGS, "base", "age_from"])
        .group_by(*SIBLINGS, "sum_id")
        .agg(added=pl.col("numerator").sum())
        .join(names, on=[*SIBLINGS, "sum_id"])
    )
    assert added.height > 50
    assert (added["added"] == added["numerator"]).all()
    # A merged age group is in no figure: it is a hidden sum where it has few persons.
    merged = sums.filter(~pl.col("sum_id").str.contains("|", literal=True))
    assert not merged["shown"].any()


def test_without_small_strata_and_hidden_counts_everything_is_publishable() -> None:
    got, few = verdicts(3)
    safe = got.join(few, on=["indicator_id", "area_code"], how="anti")
    assert safe["publishable"].all()


def test_a_hidden_figure_is_not_asked_about() -> None:
    got, _ = verdicts(3, hidden="5001")
    assert "5001" not in got["area_code"].to_list()
    assert "MIDT" in got["area_code"].to_list()


def test_a_policy_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(POLICIES, "default")
    with pytest.raises(KeyError):
        verdicts(3)
