"""Exact counts of the marts equal the truth: extract, ingest and models against the tables.

The strata are single years of age here, so that nothing is merged: whatever differs is an error
of the way, not of protection.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from anonymization.keys import Key
from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.tables import codes_of
from pipelines.clients.population_register import lay_out
from pipelines.epidemiology import directly_standardised_frame
from pipelines.ingest import ingest_pending
from pipelines.settings import BorderSet, PublicDenominators, reference_dir
from pipelines.synthetic import (
    Region,
    SyntheticSettings,
    generate_tables,
    indicator_truth,
    write_extract,
)
from pipelines.synthetic import truth_persons as states
from pipelines.synthetic.register import population_register
from pipelines.synthetic.truth_coverage import covered_time, load_coverage
from pipelines.synthetic.truth_definitions import DEFINITIONS
from pipelines.synthetic.truth_months import MONTHLY, QUARTERLY, month_truth
from pipelines.synthetic.truth_splits import SPLITS, split_truth
from tests.support.compiled_models import Dbt, QuickWarehouse
from tests.support.pooled_truth import KEY as KEY_POOLED
from tests.support.pooled_truth import added_up, covered_years
from tests.support.warehouse import Warehouse

KEY = ["indicator_id", "area_level", "area_code", "sex", "age", "year"]
FIGURES = ["numerator", "denominator"]


WHOLE = "whole, and its journal lives"
"""It holds all that the other does (``unit/test_synthetic_whole``)."""
REGIONS = {
    "what the first indicators need": SyntheticSettings(scale=0.004),
    WHOLE: SyntheticSettings(scale=0.012, whole=True, life=True, new_number_from=2024),
}


@pytest.fixture(
    scope="module",
    params=[name if name == WHOLE else pytest.param(name, marks=pytest.mark.nightly)
            for name in REGIONS],
)  # fmt: skip
def region(request: pytest.FixtureRequest) -> Region:
    return generate_tables(REGIONS[request.param])


@pytest.fixture(scope="module")
def taken_in(
    dbt: Dbt, region: Region, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[QuickWarehouse]:
    """The region's extract through the doors, and its population register beside it."""
    made = QuickWarehouse(tmp_path_factory.mktemp("home"), dbt)
    write_extract(region, made.zones.inbox)
    results = ingest_pending(made.zones, Key("test", 1, bytes(range(32))))
    assert {result.state for result in results} == {"committed"}
    lay_out(made.zones, population_register(region))
    made.write_single_year_strata()
    yield made
    made.close()


@pytest.fixture(
    scope="module", params=[pytest.param("register", marks=pytest.mark.nightly), "journal"]
)
def mode(request: pytest.FixtureRequest) -> PublicDenominators:
    """Whose persons stand below public figures."""
    return request.param


@pytest.fixture(scope="module")
def truth(region: Region, mode: PublicDenominators) -> tuple[pl.DataFrame, pl.DataFrame]:
    return indicator_truth(region, mode)


@pytest.fixture(scope="module")
def warehouse(taken_in: QuickWarehouse, region: Region, mode: PublicDenominators) -> QuickWarehouse:
    taken_in.write_catalogue(region.settings.window, public_denominators=mode)
    taken_in.run("staging", "intermediate", "marts")
    return taken_in


def counted_over(counting: str) -> set[str]:
    return {one.id for one in catalogue().indicators.values() if one.counting == counting}


def assert_all_are_fed(ours: pl.DataFrame, counting: str, region: Region) -> None:
    """A whole region feeds every indicator; one that is not whole, the first ones."""
    fed, wanted = set(ours["indicator_id"]), counted_over(counting)
    assert fed == wanted if region.settings.whole else fed <= wanted


def mart(warehouse: Warehouse, name: str) -> pl.DataFrame:
    year = pl.col("period_start").dt.year().cast(pl.Int32).alias("year")
    return warehouse.table(f"marts.{name}").with_columns(year)


def differing(ours: pl.DataFrame, theirs: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    joined = ours.join(theirs, on=key, how="full", coalesce=True, suffix="_mart").fill_null(0)
    apart = [(pl.col(figure) - pl.col(f"{figure}_mart")).abs() > 1e-9 for figure in FIGURES]
    return joined.filter(pl.any_horizontal(apart))


def test_municipalities_by_sex_and_year_of_age(
    truth: tuple[pl.DataFrame, pl.DataFrame], warehouse: Warehouse, region: Region
) -> None:
    ours = truth[1].filter(pl.col("sex") != "total", pl.col("area_level") == "municipality")
    theirs = mart(warehouse, "fct_indicator_counts").filter(pl.col("area_level") == "municipality")
    theirs = theirs.with_columns(pl.col("age_from").cast(pl.Int32).alias("age"))
    assert ours.height > 10_000
    assert_all_are_fed(ours, "strata", region)
    assert differing(ours.select(KEY + FIGURES), theirs.select(KEY + FIGURES), KEY).is_empty()


def test_region_by_sex(
    truth: tuple[pl.DataFrame, pl.DataFrame], warehouse: Warehouse, region: Region
) -> None:
    key = ["indicator_id", "sex", "year"]

    def summed(rows: pl.DataFrame) -> pl.DataFrame:
        regional = rows.filter(pl.col("area_level") == "region", pl.col("sex") != "total")
        return regional.group_by(key).agg(pl.col(FIGURES).sum())

    ours, theirs = summed(truth[1]), summed(mart(warehouse, "fct_indicator_counts"))
    assert_all_are_fed(ours, "strata", region)
    assert differing(ours, theirs, key).is_empty()


def test_flows(
    truth: tuple[pl.DataFrame, pl.DataFrame], warehouse: Warehouse, region: Region
) -> None:
    key = ["indicator_id", "area_code", "year"]
    flows = counted_over("flow")
    ours = truth[0].filter(
        pl.col("indicator_id").is_in(flows), pl.col("coverage_state") != "not_covered"
    )
    assert_all_are_fed(ours, "flow", region)
    theirs = mart(warehouse, "fct_flow_counts")
    assert ours.height > 50
    assert differing(ours.select(key + FIGURES), theirs.select(key + FIGURES), key).is_empty()


def test_coverage(truth: tuple[pl.DataFrame, pl.DataFrame], warehouse: Warehouse) -> None:
    key = ["indicator_id", "area_code", "year"]
    columns = [*key, "covered_share", "coverage_state"]
    ours = truth[0].filter(pl.col("sex") == "total", pl.col("age_group") == "total")
    theirs = mart(warehouse, "fct_coverage").filter(pl.col("area_level") != "county")
    joined = ours.select(columns).join(theirs.select(columns), on=key, how="full", suffix="_mart")
    assert joined.null_count().sum_horizontal().item() == 0
    assert (joined["coverage_state"] == joined["coverage_state_mart"]).all()
    assert ((joined["covered_share"] - joined["covered_share_mart"]).abs() < 1e-9).all()
    assert set(joined["coverage_state"]) == {"full", "flagged", "not_covered"}


def test_months(
    region: Region,
    mode: PublicDenominators,
    truth: tuple[pl.DataFrame, pl.DataFrame],
    warehouse: QuickWarehouse,
) -> None:
    """Months equal the truth, and cover what the calendar says."""
    parts = {one.id: one.part_of_year for one in catalogue().indicators.values()}
    assert set(MONTHLY) == {name for name, part in parts.items() if part == "month"}
    assert set(QUARTERLY) == {name for name, part in parts.items() if part == "quarter"}
    key = ["indicator_id", "area_level", "area_code", "month"]
    month = pl.col("period_start").alias("month")
    ours = month_truth(region, truth[0], mode)
    states = warehouse.table("marts.fct_month_coverage").with_columns(month)
    covered = states.filter(pl.col("coverage_state") != "not_covered").select(key)
    known = ours.filter(pl.col("coverage_state") != "not_covered")
    assert known.height > 3000
    assert known.join(covered, on=key, how="anti").is_empty()
    assert covered.join(known, on=key, how="anti").is_empty()
    local = known.filter(pl.col("area_level") == "municipality")
    alike = local.join(states, on=key)
    assert (alike["coverage_state"] == alike["coverage_state_right"]).all()
    counts = warehouse.table("marts.fct_month_counts").with_columns(month)
    # Of a year that is covered the mart holds uncovered months too.
    theirs = counts.join(covered, on=key, how="semi")
    assert differing(known.select(key + FIGURES), theirs.select(key + FIGURES), key).is_empty()


def test_months_add_up_to_their_year_and_the_last_date_is_the_year(
    warehouse: QuickWarehouse,
) -> None:
    known = catalogue().indicators.values()
    on_date = [one.id for one in known if one.timing == "on_date"]
    last = pl.col("period_end").dt.month() == 12
    counts = mart(warehouse, "fct_month_counts").filter(
        pl.col("area_level") == "municipality", ~pl.col("indicator_id").is_in(on_date) | last
    )
    key = ["indicator_id", "area_code", "year"]
    months = counts.group_by(key).agg(pl.col(FIGURES).sum())
    yearly = pl.concat(
        mart(warehouse, name).group_by(key).agg(pl.col(FIGURES).sum())
        for name in ("fct_indicator_counts", "fct_flow_counts")
    )
    both = yearly.filter(
        pl.col("indicator_id").is_in([*MONTHLY, *QUARTERLY]), pl.col("area_code") != "MIDT"
    ).join(months, on=key, how="left", suffix="_mart")
    assert both.height > 200
    apart = [(pl.col(one) - pl.col(f"{one}_mart")).abs() > 1e-9 for one in FIGURES]
    assert both.filter(pl.any_horizontal(apart).fill_null(value=True)).is_empty()


def test_splits(
    truth: tuple[pl.DataFrame, pl.DataFrame], region: Region, warehouse: QuickWarehouse
) -> None:
    """Every value of every split equals the truth, and no place has another value."""
    asked = {(one.id, name) for one in catalogue().indicators.values() for name in one.breakdowns}
    assert {(one.indicator_id, one.breakdown) for one in SPLITS} == asked
    key = ["indicator_id", "area_code", "breakdown", "breakdown_value", "year"]
    ours = split_truth(region, truth[0])
    assert ours.height > 200
    assert ours["breakdown_value"].n_unique() > 4
    theirs = mart(warehouse, "fct_breakdown_counts")
    assert differing(ours.select(key + FIGURES), theirs.select(key + FIGURES), key).is_empty()


def test_years_together_are_the_years_added_up(
    truth: tuple[pl.DataFrame, pl.DataFrame], warehouse: QuickWarehouse, region: Region
) -> None:
    ours = added_up(covered_years(truth[0]))
    theirs = warehouse.table("marts.fct_pooled_counts")
    assert theirs["period_end"].dt.year().unique().to_list() == [max(region.settings.window)]
    assert set(ours["indicator_id"]) == set(theirs["indicator_id"])
    assert ours["area_code"].n_unique() > 5
    assert differing(ours, theirs.select([*KEY_POOLED, *FIGURES]), KEY_POOLED).is_empty()
    persons = theirs.filter(pl.col("numerator_persons") > 0)
    assert (persons["numerator_persons"] <= persons["numerator"]).all()
    assert (persons["numerator_persons"] < persons["numerator"]).any()
    assert (persons["numerator_sq"] >= persons["numerator"]).all()


def test_medians_are_those_of_the_persons(
    truth: tuple[pl.DataFrame, pl.DataFrame], warehouse: QuickWarehouse, region: Region
) -> None:
    asked = [one.id for one in catalogue().indicators.values() if one.median is not None]
    world, key = states.world(region, CALENDAR), ["indicator_id", "area_code", "year"]
    amounts = pl.concat(
        DEFINITIONS[name].numerator(world).select("year", "municipality_code", "value")
        .with_columns(indicator_id=pl.lit(name)) for name in asked
    )  # fmt: skip
    covered = truth[0].filter(pl.col("coverage_state") != "not_covered").select(key).unique()
    placed = amounts.rename({"municipality_code": "area_code"}).cast({"year": pl.Int32})
    local = placed.join(covered.cast({"year": pl.Int32}), on=key, how="semi")
    everybody = pl.concat([local, placed.filter(pl.col("area_code").is_null())])
    both = pl.concat([local, everybody.with_columns(area_code=pl.lit("MIDT"))])
    middle = both.with_columns(median=pl.col("value").median().over(key))
    ours = middle.group_by(key).agg(
        pl.col("median").first(),
        persons_at_most=(pl.col("value") <= pl.col("median")).sum().cast(pl.Int64),
        persons_at_least=(pl.col("value") >= pl.col("median")).sum().cast(pl.Int64),
    )
    theirs = mart(warehouse, "fct_medians").select(ours.columns)
    assert not region.settings.whole or ours.height > 50
    assert_frame_equal(ours.sort(key), theirs.sort(key))


HISTORY = range(2018, 2024)
CALENDAR = load_coverage()


@pytest.fixture
def recut(taken_in: QuickWarehouse, dbt: Dbt, tmp_path: Path) -> Iterator[QuickWarehouse]:
    """A warehouse of its own over the same journal."""
    made = QuickWarehouse(tmp_path, dbt)
    made.zones.journal.rmdir()
    made.zones.journal.symlink_to(taken_in.zones.journal)
    made.write_single_year_strata()
    yield made
    made.close()


@pytest.mark.parametrize("borders", ["2019", "2020", "2024"])
def test_history_is_cut_to_other_borders(
    recut: QuickWarehouse, region: Region, dbt: Dbt, borders: BorderSet
) -> None:
    """Residents and their days of 2018–2023 are where the persons truly lived."""
    recut.write_catalogue(HISTORY, border_set=borders)
    recut.run(*dbt.needed("int_residents", "int_resident_days"))
    world = states.world(region, CALENDAR, borders)
    key = ["year", "municipality_code"]
    lived = [
        covered_time(world.spells, CALENDAR, "none", year).with_columns(year=pl.lit(year))
        for year in HISTORY
    ]
    days = pl.concat(lived).group_by(key).agg(value=pl.col("days").sum())
    there = [states.residents_on(world, year) for year in HISTORY]
    residents = pl.concat(there).group_by(key).agg(value=pl.len())
    ours = {"int_resident_days": days, "int_residents": residents}
    made = {
        "int_resident_days": pl.col("resident_days").sum(),
        "int_residents": pl.len(),
    }
    every = {None, *codes_of(reference_dir(), borders)["municipality_code"]}
    for name, truth in ours.items():
        counted = recut.table(f"intermediate.{name}").group_by(key).agg(value=made[name])
        assert set(truth["municipality_code"]) == every
        assert_frame_equal(
            truth.cast({"year": pl.Int64, "value": pl.Int64}),
            counted.cast({"year": pl.Int64, "value": pl.Int64}),
            check_row_order=False,
        )


HALVES = ["1508", "1580"]
"""What Ålesund (1507) was divided into on 1 January 2024."""


@pytest.mark.nightly
def test_figures_are_cut_to_other_borders(recut: QuickWarehouse, region: Region) -> None:
    """Every figure of residents equals the truth; where services recorded it, there is none."""
    recut.write_catalogue(region.settings.window, None, "register", "2024")
    lay_out(recut.zones, population_register(region, "2024"))
    recut.run("staging", "intermediate", "marts")
    world = states.world(region, CALENDAR, "2024")
    recorded = {
        name
        for name, one in DEFINITIONS.items()
        for rows in (one.numerator(world), one.denominator(world))
        if rows.filter(pl.col("municipality_code") == "1507").height
    }
    apart = (
        pl.col("indicator_id").is_in(recorded)
        & pl.col("area_code").is_in(HALVES)
        & (pl.col("year") < 2024)
    )
    truth = indicator_truth(region, "register", "2024")[1]
    local = pl.col("area_level") == "municipality"
    ours = truth.filter(local, pl.col("sex") != "total", ~apart)
    theirs = mart(recut, "fct_indicator_counts").filter(local)
    theirs = theirs.with_columns(pl.col("age_from").cast(pl.Int32).alias("age"))
    assert ours.filter(pl.col("area_code").is_in(HALVES), pl.col("year") < 2024).height > 500
    assert differing(ours.select(KEY + FIGURES), theirs.select(KEY + FIGURES), KEY).is_empty()
    unshown = mart(recut, "fct_coverage").filter(apart)
    assert set(unshown["coverage_state"]) == {"not_covered"}
    assert mart(recut, "fct_flow_counts").filter(apart).is_empty()


JOINS = "1506"
"""Molde: live since its wave of November 2023."""
COUNTY = "15"
"""Of which Molde is a part."""


MARTS = ("fct_indicator_counts", "fct_flow_counts", "fct_coverage", "fct_month_counts",
         "fct_breakdown_counts")  # fmt: skip


@pytest.fixture(scope="module")
def waves(
    warehouse: QuickWarehouse, region: Region, mode: PublicDenominators
) -> dict[str, dict[str, pl.DataFrame]]:
    """The marts without the municipality, and with it from its wave on."""
    if not region.settings.whole or mode == "journal":
        pytest.skip("The whole region against the register shows it, once.")
    after = {name: warehouse.table(f"marts.{name}") for name in MARTS}
    path = warehouse.zones.catalogue / "service_spells.parquet"
    spells = pl.read_parquet(path)
    others = spells.filter(pl.col("municipality_code") != JOINS)
    assert others.height < spells.height
    others.write_parquet(path)
    warehouse.run("staging", "intermediate", "marts")
    before = {name: warehouse.table(f"marts.{name}") for name in MARTS}
    spells.write_parquet(path)
    return {"before": before, "after": after}


def test_a_municipality_that_joins_changes_nobody_elses_figures(
    waves: dict[str, dict[str, pl.DataFrame]],
) -> None:
    for name, before in waves["before"].items():
        after = waves["after"][name]
        else_where = ~pl.col("area_code").is_in([JOINS, COUNTY, "MIDT"])
        ours, theirs = (frame.filter(else_where).sort(pl.all()) for frame in (before, after))
        assert ours.height > 100
        assert ours.equals(theirs)
        assert not before.filter(area_code=JOINS).equals(after.filter(area_code=JOINS))


def test_a_municipality_that_joins_moves_the_region_by_less_than_chance(
    waves: dict[str, dict[str, pl.DataFrame]],
) -> None:
    """The population of the region is the standard: what joins may not look like a change."""
    asked = [
        one.id
        for one in catalogue().indicators.values()
        if one.coverage.service == "municipal_care" and "direct_region" in one.value_kinds
    ]
    assert len(asked) > 2
    rates = {wave: standardised(tables["fct_indicator_counts"]) for wave, tables in waves.items()}
    both = rates["before"].join(rates["after"], on=["indicator_id", "year"], suffix="_after")
    both = both.filter(pl.col("indicator_id").is_in(asked), pl.col("year") >= 2024)
    assert set(both["indicator_id"]) == set(asked)
    assert (both["value"] != both["value_after"]).any()
    assert both.filter(~pl.col("value_after").is_between("lower", "upper")).is_empty()


def standardised(counts: pl.DataFrame) -> pl.DataFrame:
    """The region's rates by ten years of age, to one and the same standard."""
    region = counts.filter(pl.col("area_level") == "region", pl.col("denominator") > 0)
    bands = region.group_by(
        "indicator_id", pl.col("period_start").dt.year().alias("year"), "sex",
        (pl.col("age_from") // 10).clip(0, 9).alias("band"),
    ).agg(pl.col("numerator", "denominator", "numerator_sq").sum()).sort(pl.all())  # fmt: skip
    weights = bands.group_by("indicator_id", "sex", "band").agg(weight=pl.col("denominator").max())
    return directly_standardised_frame(
        bands.join(weights, on=["indicator_id", "sex", "band"]).sort(pl.all()),
        by=("indicator_id", "year"),
        weight="weight",
        variance="numerator_sq",
    )
