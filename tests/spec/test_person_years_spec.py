"""The rows that tables for analysts are made from, counted on the fingers, in the real models."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from tests.support.compiled_models import Dbt, QuickWarehouse

MODEL = "int_person_year_attributes"
METADATA = {"source": "spec", "delivery": "spec", "transaction_time": "2030-01-01T00:00:00Z"}


def person(key: str, born: int) -> dict[str, Any]:
    birth = dt.date(born, 5, 1)
    return {"patient_key": key, "sex": "female", "birth_date": birth, "is_graded": False} | METADATA


def lives(key: str, code: str | None = "5001") -> dict[str, Any]:
    since = dt.date(2020, 1, 1)
    return {"patient_key": key, "municipality_code": code, "valid_from": since} | METADATA


def claims(key: str, service: str, number: int, year: int, **more: str) -> list[dict[str, Any]]:
    return [
        {
            "claim_key": f"{key} {service} {year} {n} {more}", "patient_key": key,
            "status": "active", "service": service, "contact_type": "telephone",
            "billed_on": dt.date(year, 2, 1 + n),
        } | METADATA | more
        for n in range(number)
    ]  # fmt: skip


def score(key: str, value: float, month: int, status: str = "final") -> dict[str, Any]:
    return {
        "observation_key": f"{key} {value} {month}", "patient_key": key, "status": status,
        "code": "function_score", "value": value, "observed_on": dt.date(2024, month, 9),
    } | METADATA  # fmt: skip


JOURNAL = {
    "patient": [person("a", 1984), person("b", 1910), person("c", 2000), person("g", 1950)],
    "residence": [lives("a"), lives("b"), lives("c"), lives("g", None)],
    "claim": [
        *claims("a", "gp", 7, 2024),
        *claims("a", "out_of_hours", 4, 2024),
        *claims("a", "gp", 2, 2023),
        *claims("b", "gp", 2, 2024),
        *claims("b", "gp", 3, 2024, status="cancelled"),
    ],
    "observation": [
        score("a", 4, 3),
        score("a", 2, 10),
        score("b", 1, 6),
        score("b", 5, 6),
        score("c", 3, 2),
        # Not relevant, and not at all.
        score("c", 9, 4),
        score("c", 5, 5, "entered-in-error"),
    ],
}


@pytest.fixture(scope="module")
def rows(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    home = QuickWarehouse(tmp_path_factory.mktemp("person-years"), dbt)
    home.write_journal(JOURNAL)
    home.write_catalogue(range(2023, 2025))
    home.run(*dbt.needed(MODEL))
    made = home.table(f"intermediate.{MODEL}")
    home.close()
    return made.filter(pl.col("year") == 2024).sort("age")


def test_one_row_for_each_that_lives_somewhere(rows: pl.DataFrame) -> None:
    assert rows.select("age", "municipality_code").rows() == [
        (24, "5001"),
        (40, "5001"),
        (105, "5001"),
    ]


def test_contacts_are_those_of_the_year_up_to_the_most_that_is_told(rows: pl.DataFrame) -> None:
    assert rows["gp_contacts"].to_list() == [0, 6, 2]
    assert rows["out_of_hours_contacts"].to_list() == [0, 3, 0]


def test_need_is_the_last_score_and_the_higher_of_one_day(rows: pl.DataFrame) -> None:
    assert rows["need_level"].to_list() == [3, 2, 5]
