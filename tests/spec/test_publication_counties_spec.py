"""A county is the sum of its covered municipalities, and tells of none of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from anonymization.tables import audit_system
from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.catalogue.model import Indicator
from pipelines.publication.build import Candidate, build
from pipelines.publication.figures import Marts, figures
from pipelines.publication.policy import table_policy
from pipelines.publication.reaudit import audit_files
from pipelines.publication.standards import Standards
from pipelines.publication.system_rest import rest_cells
from pipelines.publication.systems import linked_systems
from pipelines.publication.unrounded import unrounded_values
from pipelines.settings import reference_dir
from tests.support.publication_marts import (
    COUNTY,
    NOT_COVERED_AREA,
    SIZES,
    SmallRegion,
    small_region,
    specs,
)

CHOSEN = specs()
STAYS = "emergency_admissions_per_1000"
WHOLE = (pl.col("sex") == "total") & (pl.col("age_group") == "total")
OWN = pl.col("area_level") == "municipality"


@pytest.fixture(scope="module")
def region() -> SmallRegion:
    return small_region(chosen=CHOSEN, county=True)


@pytest.fixture(scope="module")
def candidate(region: SmallRegion) -> Candidate:
    known = Catalogue({spec.id: spec for spec in CHOSEN}, catalogue().policies)
    return build(region.marts, known, reference_dir(), range(2024, 2025))


@pytest.fixture(scope="module")
def values(candidate: Candidate) -> pl.DataFrame:
    return candidate.tables["indicator_values"].filter(pl.col("area_code") == COUNTY)


@pytest.mark.parametrize("spec", CHOSEN, ids=lambda spec: spec.id)
def test_it_is_the_sum_of_the_persons_of_covered_municipalities(
    region: SmallRegion, spec: Indicator
) -> None:
    (row,) = figures(region.marts, [spec]).filter(pl.col("area_code") == COUNTY).to_dicts()
    every = figures(region.marts, [spec]).filter(WHOLE, "exact", OWN)
    people = region.persons.filter(
        pl.col("area_code").is_in(every["area_code"].unique().implode()),
        pl.col("age").is_between(row["low"], row["high"]),
    )
    assert NOT_COVERED_AREA not in every["area_code"]
    measures = (spec.numerator.measure, spec.denominator.measure)
    sums = tuple(people[name].sum() for name in measures) if row["exact"] else (None, None)
    assert row["exact"] == (every.height > 0)
    assert (row["numerator"], row["denominator"]) == sums
    assert (row["sex"], row["age_group"]) == ("total", "total")


def test_a_municipality_that_is_not_exact_is_in_neither_sum_nor_share(region: SmallRegion) -> None:
    """Strata of few persons pass the age of 80, so nobody knows how many are on each side."""
    (spec,) = specs("home_nursing_users_80plus_share")
    every = figures(region.marts, [spec]).filter(WHOLE)
    local = every.filter(OWN, "exact")
    (county,) = every.filter(pl.col("area_level") == "county").to_dicts()
    assert set(local["area_code"]) < {"5001", "5006", "5007", "5014"}
    assert county["numerator"] == local["numerator"].sum()
    people = sum(SIZES[code] for code in local["area_code"])
    assert county["covered_share"] == pytest.approx(people / sum(SIZES.values()))
    assert county["coverage_state"] == "flagged"


def test_crude_and_indirect_values_are_published_with_their_coverage(values: pl.DataFrame) -> None:
    assert set(values["value_kind"]) == {"crude", "indirect"}
    assert set(values["area_level"]) == {"county"}
    assert values.filter(pl.col("value_status") == "ok").height > 0
    assert values["quality_flags"].str.contains("partial_coverage").all()
    assert set(zip(values["sex"], values["age_group"], strict=True)) == {("total", "total")}


def test_the_expected_events_are_the_municipalities_together(region: SmallRegion) -> None:
    """Observed over expected times the region's rate: expected is the rate over the value."""
    standards = Standards.of(region.marts, CHOSEN, reference_dir())
    values = unrounded_values(region.marts, CHOSEN, standards).filter(
        pl.col("indicator_id") == STAYS, WHOLE
    )
    counts = figures(region.marts, specs(STAYS)).filter(WHOLE).select("area_code", "numerator")
    (whole,) = values.filter(pl.col("value_kind") == "crude", pl.col("area_level") == "region")[
        "value"
    ]
    expected = (
        values.filter(pl.col("value_kind") == "indirect")
        .join(counts, on="area_code")
        .with_columns(expected=pl.col("numerator") * whole / pl.col("value"))
    )
    local = expected.filter(OWN)
    assert set(local["area_code"]) == {"5001", "5006", "5007", "5014"}
    (own,) = expected.filter(pl.col("area_level") == "county")["expected"]
    assert own == pytest.approx(local["expected"].sum(), rel=1e-9)


@pytest.mark.parametrize(
    ("county", "guess", "told"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_the_only_hidden_municipality_is_told_by_its_county_or_a_guess_of_nobodys_place(
    region: SmallRegion, county: bool, guess: bool, told: bool
) -> None:
    counties = region.marts.counties if county else region.marts.counties.clear()
    marts = replace(region.marts, counties=counties)
    (group,) = [one for one in linked_systems(marts, CHOSEN) if STAYS in one.indicator_ids]
    policy = table_policy(catalogue(), group.policy_id).model_copy(update={"threshold": 1000})
    known = pl.col("guessed") & guess
    system = replace(group.system, cells=group.system.cells.with_columns(guessed=known))
    alone = pl.col("cell_id").str.contains(r"\|5014\||\|rest\|") | ~pl.col("publishable")
    status = pl.when(alone).then(pl.lit("suppressed")).otherwise(pl.lit("ok"))
    found = audit_system(system, system.cells.select("cell_id", status=status), policy, exact=True)
    (row,) = found.filter(pl.col("cell_id") == "emergency_stays|5014|total|0|199").to_dicts()
    assert row["determined"] == told


def beyond(region: SmallRegion) -> Marts:
    """The marts, 5014 being a municipality of a county that the region has no more of."""
    return replace(
        region.marts, counties=region.marts.counties.filter(pl.col("area_code") != "5014")
    )


def told_beyond(candidate: Candidate) -> list[str]:
    """Figures of which region and county are in view, and 5014 is not."""
    rows = candidate.tables["indicator_values"].filter(WHOLE, pl.col("value_kind") == "crude")
    seen = pl.col("value_status") == "ok"

    def among(code: str, which: pl.Expr) -> set[str]:
        return set(rows.filter(pl.col("area_code") == code, which)["indicator_id"])

    hidden = among("5014", pl.col("status_reason") == "disclosure")
    return sorted(among("MIDT", seen) & among(COUNTY, seen) & hidden)


def unguessed(*arguments: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the region holds beyond its municipalities, taken for anybody's guess."""
    cells, terms = rest_cells(*arguments)
    return cells.with_columns(guessed=pl.lit(value=False)), terms


def test_a_county_gives_way_to_a_hidden_municipality_beyond_it(
    region: SmallRegion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Catalogue({spec.id: spec for spec in CHOSEN}, catalogue().policies)
    marts = beyond(region)

    def written() -> list[str]:
        made = build(marts, known, reference_dir(), range(2024, 2025))
        for name, table in made.tables.items():
            table.write_parquet(tmp_path / f"{name}.parquet")
        return told_beyond(made)

    assert written() == []
    assert audit_files(tmp_path, marts, known).recovered == 0
    # The twin: a door that relies on nobody's place, and files that the gate then refuses.
    with monkeypatch.context() as careless:
        careless.setattr("pipelines.publication.systems.rest_cells", unguessed)
        assert written() != []
    assert audit_files(tmp_path, marts, known).recovered > 0
