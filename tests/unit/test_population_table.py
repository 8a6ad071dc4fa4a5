"""What of the register is published: groups, the region, and what is not known."""

from __future__ import annotations

from datetime import date

import polars as pl

from pipelines.publication.population import SCHEMA, population_table

REGISTER = pl.DataFrame(
    [
        (2024, "5001", "female", 0, 10),
        (2024, "5001", "female", 4, 20),
        (2024, "5001", "female", 5, 40),
        (2024, "5001", "female", 95, 1),
        (2024, "5001", "female", 105, 2),
        (2024, "1577", "female", 3, 7),
        (2024, "1577", "female", 6, None),
    ],
    schema=["year", "municipality_code", "sex", "age", "persons_end"],
    orient="row",
)


def test_ages_are_grouped_by_five_and_the_oldest_together() -> None:
    got = population_table(REGISTER).filter(area_code="5001")
    assert got.select("age_group", "value", "value_status").rows() == [
        ("0-4", 30, "ok"),
        ("5-9", 40, "ok"),
        ("95+", 3, "ok"),
    ]
    assert got["on_date"].unique().to_list() == [date(2024, 12, 31)]
    assert got.schema == pl.Schema(SCHEMA)


def test_a_sum_of_which_a_part_is_not_known_is_not_known() -> None:
    got = population_table(REGISTER).filter(age_from=5)
    told = {row["area_code"]: (row["value"], row["value_status"]) for row in got.to_dicts()}
    unknown = (None, "missing")
    assert told == {"5001": (40, "ok"), "1577": unknown, "MIDT": unknown}
    whole = population_table(REGISTER).filter(age_from=0, area_level="region")
    assert whole["value"].to_list() == [37]


def test_without_a_register_there_is_no_table_but_its_columns() -> None:
    assert population_table(None).is_empty()
    assert population_table(None).schema == pl.Schema(SCHEMA)
