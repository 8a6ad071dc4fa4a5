"""Counting from generalised rows, by hand: who is behind a label, how far off indicators are."""

from __future__ import annotations

import polars as pl
import pytest

from anonymization.risk import assess
from pipelines.catalogue.loader import catalogue
from pipelines.publication.microdata_bias import Spread, indicator_bias, spread, summary
from pipelines.publication.microdata_rules import microdata_tables

TABLE = microdata_tables(catalogue())["service_use"]
BY = ["year", "municipality_code", "sex", "age"]
TYPES = {"year": pl.Int32}


def rows(*cells: tuple[int, str, str, str | int, bool]) -> pl.DataFrame:
    columns = [*BY, "home_nursing"]
    frame = pl.DataFrame(cells, schema=columns, orient="row").cast(TYPES)
    return frame.with_columns(portal_active=pl.lit(False))


# Ten persons that can be anywhere in the county, aged 80 or more; four of them with home nursing.
MADE = rows(*[(2024, "county 50", "female", "80+", n < 4) for n in range(10)])
LABELS = pl.DataFrame(
    [
        (2024, "5001", "female", 85, 2024, "county 50", "female", "80+"),
        (2024, "5006", "female", 90, 2024, "county 50", "female", "80+"),
    ],
    schema=[*(f"cell_{name}" for name in BY), *BY],
    orient="row",
)
POPULATION = pl.DataFrame(
    [
        (2024, "5001", "female", 85, 30),
        (2024, "5001", "female", 79, 1000),
        (2024, "5006", "female", 90, 10),
        (2024, "1505", "female", 85, 500),
        (2023, "5001", "female", 85, 700),
        (2024, "5001", "male", 85, 900),
    ],
    schema=[*BY, "persons"],
    orient="row",
)
TRUTH = pl.DataFrame(
    [
        ("home_nursing_users", 2024, "5001", 85, 2.0),
        ("home_nursing_users", 2024, "5006", 90, 2.0),
        ("home_nursing_users", 2024, "5001", 70, 9.0),
        ("home_nursing_users", 2020, "5001", 85, 8.0),
    ],
    schema=["measure_id", "year", "municipality_code", "age", "value"],
    orient="row",
).with_columns(service=pl.lit(None, pl.String))


def behind(population: pl.DataFrame | None = POPULATION) -> Spread:
    return spread(TABLE, LABELS, population)


def test_persons_behind_a_label_are_those_it_covers() -> None:
    people = behind().persons(MADE)
    assert people.select(*BY, "persons").rows() == [(2024, "county 50", "female", "80+", 40)]
    report = assess(MADE, BY, population=people)
    assert (report.k, report.k_map, report.journalist_max) == (10, 40, 1 / 40)


def test_a_row_is_spread_as_the_population_is() -> None:
    entries = catalogue()
    found = indicator_bias(TABLE, MADE, behind(), TRUTH, entries)
    oldest = found.filter(pl.col("indicator_id") == "home_nursing_users_80plus_share")
    # Four users: three of forty thirtieths in 5001, one in 5006.
    assert oldest.select("year", "area_code", "truth", "estimate", "bias").rows() == [
        (2024, "*", 4.0, 4.0, 0.0),
        (2024, "5001", 2.0, 3.0, 0.5),
        (2024, "5006", 2.0, 1.0, -0.5),
    ]
    everybody = found.filter(
        (pl.col("indicator_id") == "home_nursing_users_per_1000") & (pl.col("area_code") == "*")
    )
    # Nine users of 70 are in the truth, and nobody of that age is in the table.
    assert everybody.row(0, named=True)["bias"] == pytest.approx(4 / 13 - 1)


def test_only_the_years_of_the_table_are_told() -> None:
    found = indicator_bias(TABLE, MADE, behind(), TRUTH, catalogue())
    assert found["year"].unique().to_list() == [2024]


def test_without_a_register_cells_of_the_rows_count_alike() -> None:
    alone = behind(None)
    assert not alone.is_public
    found = indicator_bias(TABLE, MADE, alone, TRUTH, catalogue())
    own = found.filter(
        (pl.col("area_code") == "5001")
        & (pl.col("indicator_id") == "home_nursing_users_80plus_share")
    )
    assert own["estimate"].to_list() == [2.0]


def test_an_inhabitant_is_behind_one_label_only() -> None:
    """Of labels inside each other, the one that the rows of the place got."""
    own = pl.col("cell_municipality_code") == "5001"
    nested = LABELS.with_columns(
        municipality_code=pl.when(own).then(pl.lit("5001")).otherwise("municipality_code"),
        age=pl.when(own).then(pl.lit("85")).otherwise("age"),
    )
    made = rows((2024, "5001", "female", "85", True), (2024, "county 50", "female", "80+", False))
    people = spread(TABLE, nested, POPULATION).persons(made).sort("municipality_code")
    assert people.select("municipality_code", "persons").rows() == [("5001", 30), ("county 50", 10)]


def test_labels_that_nobody_public_is_behind_are_spread_evenly() -> None:
    nobody = POPULATION.with_columns(persons=pl.lit(0))
    found = indicator_bias(TABLE, MADE, behind(nobody), TRUTH, catalogue())
    own = found.filter(pl.col("indicator_id") == "home_nursing_users_80plus_share")
    assert own["estimate"].to_list() == [4.0, 2.0, 2.0]
    assert behind(nobody).persons(MADE)["persons"].to_list() == [0]


def test_what_is_not_public_is_divided_by_the_tables_own_rows() -> None:
    table = microdata_tables(catalogue())["chronic_conditions"]
    made = MADE.select(*BY, pl.col("home_nursing").alias("diabetes")).with_columns(
        pl.lit(value=False).alias(name) for name in ("asthma", "copd", "dementia")
    )
    truth = pl.DataFrame(
        [
            ("diabetes_t2", 2024, "5001", 85, 3.0),
            ("gp_residents", 2024, "5001", 85, 10.0),
        ],
        schema=["measure_id", "year", "municipality_code", "age", "value"],
        orient="row",
    ).with_columns(service=pl.lit(None, pl.String))
    found = indicator_bias(table, made, spread(table, LABELS, POPULATION), truth, catalogue())
    found = found.filter(pl.col("indicator_id") == "diabetes_type2_prevalence")
    assert found.select("area_code", "truth", "estimate").rows() == [
        ("*", 0.3, 0.4),
        ("5001", 0.3, 0.4),
    ]
    assert found["bias"].to_list() == pytest.approx([1 / 3, 1 / 3])


def test_measures_by_service_count_for_the_indicators_own() -> None:
    other = TRUTH.with_columns(service=pl.lit("hospital"))
    found = indicator_bias(TABLE, MADE, behind(), other, catalogue())
    assert found["truth"].sum() == 0
    assert found["bias"].null_count() == found.height


def test_the_summary_tells_the_furthest_year_and_typical_municipalities() -> None:
    bias = pl.DataFrame(
        {
            "indicator_id": ["a"] * 6,
            "year": [2023, 2024, 2023, 2023, 2024, 2024],
            "area_code": ["*", "*", "5001", "5006", "5001", "5006"],
            "truth": [1.0] * 6,
            "estimate": [1.0] * 6,
            "bias": [0.01, -0.02, 0.5, -0.1, 0.2, None],
        }
    )
    assert summary(bias) == [
        {
            "indicator_id": "a",
            "region": -0.02,
            "typical": 0.2,
            "worst": 0.5,
            "municipalities": 3,
        }
    ]


def test_a_table_without_indicators_has_no_bias() -> None:
    table = microdata_tables(catalogue())["demography"]
    found = indicator_bias(table, MADE, behind(), TRUTH, catalogue())
    assert found.is_empty()
    assert summary(found) == []
