"""Municipalities shown together: which, with what figure, and what is asked of it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from anonymization.tables import TablePolicy
from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.catalogue.model import Indicator
from pipelines.publication.ledger import LedgerError, enter, refuse_changed_counts
from pipelines.publication.merged_areas import merged_areas, with_merged_areas
from pipelines.publication.reaudit import FileAudit, audit_files
from pipelines.settings import Zones, reference_dir
from tests.support.merged_marts import INDICATORS
from tests.support.merged_marts import merged_candidate as made

SAME = ["indicator_id", "period_start"]


def published() -> pl.DataFrame:
    return made().candidate.tables["indicator_values"]


def totals() -> pl.DataFrame:
    return published().filter(
        pl.col("indicator_id").is_in(INDICATORS),
        pl.col("sex") == "total",
        pl.col("age_group") == "total",
    )


def specs() -> list[Indicator]:
    return list(made().catalogue.indicators.values())


def audit(values: pl.DataFrame, folder: Path) -> FileAudit:
    values.write_parquet(folder / "indicator_values.parquet")
    made().candidate.tables["merged_groups"].write_parquet(folder / "merged_groups.parquet")
    return audit_files(folder, made().marts, made().catalogue)


def policies(**rules: object) -> Catalogue:
    """The catalogue with other rules about the quality of care."""
    policy = made().catalogue.policies["care_quality"]
    changed = policy.model_copy(update={"rules": {**policy.rules, **rules}})
    return Catalogue(
        made().catalogue.indicators, {**made().catalogue.policies, "care_quality": changed}
    )


def test_a_municipality_of_five_thousand_gets_a_safe_figure() -> None:
    # Roeros has 5 685 inhabitants and two units.
    own = totals().filter(pl.col("area_code") == "5025")
    assert own["value_status"].unique().to_list() == ["merged"]
    assert own.select("numerator", "denominator", "value", "lower_ci").null_count().row(0) == (
        (own.height,) * 4
    )
    groups = totals().filter(pl.col("area_code").is_in(own["merged_group_id"].implode()))
    assert groups.height == own.height
    assert groups["value_status"].unique().to_list() == ["ok"]
    assert (groups["lower_ci"] < groups["value"]).all()


def test_a_group_is_the_sum_of_its_members() -> None:
    counts = made().marts.indicator_counts.filter(pl.col("area_level") == "municipality")
    members = made().candidate.tables["merged_groups"].select("merged_group_id", "area_code")
    expected = (
        counts.join(members, on="area_code")
        .group_by(*SAME, area_code="merged_group_id")
        .agg(pl.col("numerator", "denominator").sum())
    )
    shown = totals().filter(pl.col("area_level") == "group", pl.col("value_status") == "ok")
    joined = shown.join(expected, on=[*SAME, "area_code"], suffix="_expected")
    assert joined.height == shown.height > 0
    for name in ("numerator", "denominator"):
        assert (joined[name] == joined[f"{name}_expected"]).all()


def test_members_stay_hidden_and_name_a_group_of_theirs() -> None:
    merged = published().filter(pl.col("value_status") == "merged")
    assert merged.height > 0
    assert (merged["status_reason"] == "disclosure").all()
    members = made().candidate.tables["merged_groups"].select("merged_group_id", "area_code")
    assert merged.join(members, on=["merged_group_id", "area_code"]).height == merged.height
    assert published().filter(pl.col("value_status") != "merged")[
        "merged_group_id"
    ].null_count() == (published().height - merged.height)


def test_groups_are_told_with_their_members_in_each_language() -> None:
    table = made().candidate.tables["merged_groups"]
    assert table.columns == ["merged_group_id", "area_code", "label_nb", "label_nn", "label_en"]
    found = dict(table.select("merged_group_id", "label_nb").iter_rows())
    assert found["1539+5061"] == "Rauma, Rindal"
    # Only groups that have a figure, hidden or not: others are not live.
    assert set(found) == set(published().filter(pl.col("area_level") == "group")["area_code"])


def test_the_audit_of_the_files_counts_groups(tmp_path: Path) -> None:
    found = audit(published(), tmp_path)
    assert found.ok
    # A member put in view beside its group gives the others away.
    member = (pl.col("value_status") == "merged") & (pl.col("area_code") == "1539")
    true = made().candidate.exact.select(
        "indicator_id", "area_code", "sex", "age_group", "period_start", true="numerator"
    )
    keys = [name for name in true.columns if name != "true"]
    leaky = (
        published()
        .join(true, on=keys, how="left", maintain_order="left")
        .with_columns(numerator=pl.when(member).then("true").otherwise("numerator"))
        .drop("true")
    )
    shown = published().filter(member).height
    assert audit(leaky, tmp_path).recovered > shown


def test_nobody_loses_a_figure_to_a_group() -> None:
    from pipelines.publication.build import build

    policy = made().catalogue.policies["care_quality"]
    rules = {name: rule for name, rule in policy.rules.items() if name != "merge"}
    alone = policy.model_copy(update={"rules": rules})
    entries = Catalogue(
        made().catalogue.indicators, {**made().catalogue.policies, "care_quality": alone}
    )
    plain = build(made().marts, entries, reference_dir(), range(2024, 2026))
    before = plain.tables["indicator_values"].filter(pl.col("value_status") == "ok")
    assert plain.tables["merged_groups"].is_empty()
    now = published().filter(pl.col("area_level") != "group", pl.col("value_status") == "ok")
    assert now.height >= before.height


def test_groups_are_the_same_in_all_years_and_follow_no_count() -> None:
    groups = merged_areas(made().catalogue, reference_dir())
    again = with_merged_areas(
        made().marts.__class__(
            made().marts.indicator_counts.with_columns(numerator=pl.lit(0.0)),
            made().marts.flow_counts, made().marts.coverage, made().marts.strata_map,
        ), groups, specs(),
    )  # fmt: skip
    assert again.groups.equals(groups)
    per_year = (
        totals()
        .filter(pl.col("area_level") == "group")
        .group_by("period_start")
        .agg(pl.col("area_code").unique().sort())
    )
    assert per_year["area_code"].n_unique() == 1


def test_a_group_needs_all_its_members_covered() -> None:
    groups = merged_areas(made().catalogue, reference_dir())
    gone = (pl.col("area_code") == "5061") & (pl.col("period_start").dt.year() == 2024)
    state = pl.when(gone).then(pl.lit("not_covered")).otherwise("coverage_state")
    marts = made().marts.__class__(
        made().marts.indicator_counts, made().marts.flow_counts,
        made().marts.coverage.with_columns(coverage_state=state), made().marts.strata_map,
    )  # fmt: skip
    found = with_merged_areas(marts, groups, specs()).coverage.filter(
        pl.col("area_code") == "1539+5061"
    )
    assert found["period_start"].dt.year().unique().to_list() == [2025]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"area": {"minimum": [9000, 20000], "providers": "differ"}}, "by one minimum"),
        ({"year": {"window": 2}}, "merge of area alone"),
        ({"area": {"minimum": [9000]}}, "say providers: differ"),
    ],
)
def test_what_the_figures_cannot_give_is_refused(rule: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        merged_areas(policies(merge=rule), reference_dir())


def test_only_persons_on_a_date_can_be_merged() -> None:
    whole = catalogue()
    rates = whole.indicators["emergency_admissions_per_1000"]
    entries = Catalogue(
        {rates.id: rates.model_copy(update={"policy": "care_quality"})}, whole.policies
    )
    with pytest.raises(ValueError, match="persons on a date"):
        merged_areas(entries, reference_dir())


def test_the_policy_is_one_that_the_door_knows() -> None:
    rules = made().catalogue.policies["care_quality"].rules
    assert TablePolicy.from_mapping(rules).merge["area"].minimum == (9000,)


def test_other_groups_than_before_are_refused(tmp_path: Path) -> None:
    zones = Zones(tmp_path / "home").create()
    exact = made().candidate.exact
    enter(zones, exact, "20231231-0000000000")
    refuse_changed_counts(zones, exact, "20241231-1111111111")
    other = exact.with_columns(pl.col("area_code").replace({"1539+5061": "1535+1539+5061"}))
    with pytest.raises(LedgerError, match="3 municipalities are in another group"):
        refuse_changed_counts(zones, other, "20241231-1111111111")
    # Groups that are new altogether change nothing that was told before.
    fewer = exact.filter(~pl.col("area_code").str.contains("+", literal=True))
    enter(zones, fewer, "20231231-0000000000")
    refuse_changed_counts(zones, exact, "20241231-1111111111")
