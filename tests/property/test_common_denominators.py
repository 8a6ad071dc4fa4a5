"""Denominators that several figures share, and numerators that are parts of others, stay safe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.catalogue.model import Indicator
from pipelines.publication.build import Candidate, build
from pipelines.publication.quantities import linked_indicators
from pipelines.publication.reaudit import audit_files
from pipelines.publication.systems import linked_systems, without_denominator
from pipelines.settings import reference_dir
from tests.support.publication_marts import SmallRegion, small_region, specs

ANSWERED, STAYS = "portal_forms_answered_share", "emergency_admissions_per_1000"


def like(other: str, indicator_id: str, **numerator: str) -> Indicator:
    (spec,) = specs(other)
    changed = spec.numerator.model_copy(update=numerator)
    return spec.model_copy(update={"id": indicator_id, "numerator": changed})


def opened_among_answered() -> Indicator:
    """A share whose denominator is the numerator of another."""
    spec = like(ANSWERED, "forms_read_share", measure="forms_read_by_users")
    among = spec.denominator.model_copy(update={"measure": "portal_forms_answered"})
    return spec.model_copy(update={"denominator": among})


CHOSEN = (
    *specs(ANSWERED, STAYS),
    like(ANSWERED, "forms_opened_share", measure="forms_opened"),
    opened_among_answered(),
    like(STAYS, "acute_stays_per_1000", measure="acute_stays", part_of="emergency_stays"),
)


def candidate(region: SmallRegion, chosen: Sequence[Indicator]) -> tuple[Candidate, Catalogue]:
    known = Catalogue({spec.id: spec for spec in chosen}, catalogue().policies)
    return build(region.marts, known, reference_dir(), range(2024, 2025)), known


def test_who_is_protected_where() -> None:
    found = [
        (one.name, [spec.id for spec in one.guests]) for one in linked_indicators(list(CHOSEN))
    ]
    assert found == [
        ("acute_stays_per_1000+emergency_admissions_per_1000", []),
        ("forms_opened_share", []),
        ("forms_read_share", []),
        (ANSWERED, ["forms_read_share"]),
        ("portal_forms_sent", ["forms_opened_share", ANSWERED]),
    ]


SEEDS = st.integers(0, 10_000)


@settings(max_examples=2)
@given(seed=SEEDS)
def test_the_files_pass_their_audit_and_no_figure_is_shown_without_its_denominator(
    seed: int,
) -> None:
    audited_and_with_denominators(seed)


@pytest.mark.nightly
@settings(max_examples=20)
@given(seed=SEEDS)
def test_so_it_is_in_many_regions(seed: int) -> None:
    audited_and_with_denominators(seed)


def audited_and_with_denominators(seed: int) -> None:
    region = small_region(seed, chosen=CHOSEN)
    made, known = candidate(region, CHOSEN)
    values = made.tables["indicator_values"]
    with TemporaryDirectory() as folder:
        for name, table in made.tables.items():
            table.write_parquet(Path(folder) / f"{name}.parquet")
        audit = audit_files(Path(folder), region.marts, known)
    assert audit.ok
    assert audit.hidden > 0
    verdicts = pl.concat(
        protected.cells.select("cell_id", "status") for _, protected in made.audits
    )
    figures = pl.concat(group.figures for group, _ in made.audits)
    shown = values.filter(pl.col("value_kind") == "crude", pl.col("value_status") == "ok").join(
        figures, on=["indicator_id", "area_code", "sex", "age_group", "period_start"]
    )
    for role in ("numerator", "denominator"):
        judged = shown.drop_nulls(f"{role}_cell").join(
            verdicts, left_on=f"{role}_cell", right_on="cell_id", how="left"
        )
        assert judged["status"].unique().to_list() == ["ok"]


def test_a_rest_of_a_part_is_a_cell_that_must_not_be_small() -> None:
    region = small_region(chosen=CHOSEN)
    (group,) = [
        one for one in linked_systems(region.marts, list(CHOSEN)) if STAYS in one.indicator_ids
    ]
    rest = group.system.cells.filter(
        pl.col("cell_id").str.starts_with("emergency_stays-without-acute_stays|")
    )
    assert rest.height > 0
    assert not rest["publishable"].any()
    covered = region.persons.filter(pl.col("area_code").fill_null("") != "5020")
    whole = covered.select((pl.col("emergency_stays") - pl.col("acute_stays")).sum()).item()
    region_total = rest.filter(pl.col("cell_id").str.contains(r"\|MIDT\|total\|0\|199"))
    assert region_total["value"].to_list() == [whole]
    small = rest.filter(pl.col("value") > 0, pl.col("persons") < 5)
    assert (small["persons"] >= 1).all()


def test_a_numerator_whose_denominator_is_hidden_is_not_published() -> None:
    region = small_region(chosen=CHOSEN)
    groups = {one.group_id: one for one in linked_systems(region.marts, list(CHOSEN))}
    opened = groups["forms_opened_share|2024"]
    holder = groups["portal_forms_sent|2024"].system.cells
    hidden = holder["cell_id"][0]
    verdicts = holder.select(
        pl.lit(opened.period_start).alias("period_start"), "cell_id", ok=pl.col("cell_id") != hidden
    )
    after = without_denominator(opened, verdicts).system.cells
    over = opened.figures.filter(pl.col("denominator_cell") == hidden)["numerator_cell"].to_list()
    lost = after.filter(~pl.col("publishable"))["cell_id"].to_list()
    before = opened.system.cells.filter(~pl.col("publishable"))["cell_id"].to_list()
    assert sorted(set(lost) - set(before)) == sorted(over)
    assert over


def test_denominators_in_a_circle_are_refused() -> None:
    (one,) = specs(ANSWERED)
    turned = one.model_copy(
        update={
            "id": "turned_share",
            "numerator": one.numerator.model_copy(update={"measure": "portal_forms_sent"}),
            "denominator": one.denominator.model_copy(update={"measure": "portal_forms_answered"}),
        }
    )
    with pytest.raises(ValueError, match="has no system, or is its own part"):
        candidate(small_region(chosen=[one, turned]), [one, turned])
