"""The journal beside the register: through the real models, and what a steward is told of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.checks.register import check_register, deviations
from pipelines.checks.results import read_state
from pipelines.settings import Settings
from pipelines.synthetic import Region, SyntheticSettings, generate_tables, write_register
from pipelines.synthetic.places import load_places
from pipelines.synthetic.population import targets
from pipelines.synthetic.register import population_register
from pipelines.synthetic.truth_coverage import load_coverage
from pipelines.synthetic.truth_persons import world
from tests.support.compiled_models import Dbt
from tests.support.library_warnings import ignoring_library_warnings
from tests.support.warehouse import Warehouse

pytestmark = ignoring_library_warnings
MOMENT = "2026-01-15T00:00:00+00:00"


def compared(*rows: tuple[int, int | None]) -> pl.DataFrame:
    schema = {"journal_residents": pl.Int64, "register_persons": pl.Int64}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


@pytest.mark.parametrize(
    ("journal", "register", "expected"),
    [
        (1000, 1000, 0.0),
        (980, 1000, 2.0),
        (979, 1000, 2.1),
        (1021, 1000, 2.1),
        (0, 1000, 100.0),
        (0, 10, 0.0),
        (10, 0, 0.0),
        (11, 0, 1100.0),
        (89, 100, 11.0),
    ],
)
def test_how_far_the_two_are_apart(journal: int, register: int, expected: float) -> None:
    found = deviations(compared((journal, register)))["deviation"].to_list()
    assert found == pytest.approx([expected])


def test_a_number_that_is_not_known_is_not_compared() -> None:
    """The twin takes it for nobody, and warns of a municipality that may well agree."""
    unknown = compared((1000, None))
    assert deviations(unknown).is_empty()
    as_zero = unknown.fill_null(0)
    assert deviations(as_zero)["deviation"].to_list() == [100_000.0]


def test_a_steward_is_told_how_many_places_and_never_which(tmp_path: Path) -> None:
    steward = Settings(home=tmp_path).zones.create().steward
    rows = compared((1000, 1000), (4711, 5813), (500, None)).with_columns(
        municipality_code=pl.Series(["5001", "1505", "1506"])
    )
    (result,) = check_register(rows, steward, "run-1", MOMENT)
    assert (result.n, result.unexpected_n, result.status) == (2, 1, "fail")
    assert result.severity == "warn"
    assert not result.is_blocking
    assert "2 prosent" in result.text_nb
    assert result.text_nb != result.text_nn != result.text_en
    stored = (steward / "checks" / "run-1.parquet").read_bytes()
    assert b"1505" not in stored
    assert b"4711" not in stored
    assert read_state(steward)["state"].to_list() == ["new"]
    (empty,) = check_register(rows.clear(), steward, "run-2", MOMENT)
    assert (empty.n, empty.status) == (0, "pass")


# --- the synthetic register


@pytest.fixture(scope="module")
def small() -> Region:
    return generate_tables(SyntheticSettings(scale=0.02, years=3, end_year=2025))


def test_the_region_counts_everybody_where_they_live(small: Region) -> None:
    """The twin counts as the journal does, and misses those with a graded address."""
    frame = population_register(small).frame
    places = load_places()
    seen = world(small, load_coverage()).spells
    for year in range(2023, 2027):
        of_year = frame.filter(pl.col("on_date") == dt.date(year, 1, 1))
        assert of_year["persons"].sum() == targets(small.settings, places, year).sum()
        on = dt.date(year, 1, 1)
        placed = seen.filter(
            (pl.col("begin") <= on) & (pl.col("end") > on),
            pl.col("municipality_code").is_not_null(),
        )
        assert placed.height < of_year["persons"].sum()


def test_codes_are_those_of_the_day(small: Region) -> None:
    frame = population_register(small).frame
    codes = {
        on.year: set(found)
        for on, found in frame.group_by("on_date").agg(pl.col("municipality").unique()).iter_rows()
    }
    assert set(codes) == {2023, 2024, 2025, 2026}
    assert "1507" in codes[2023]
    assert not codes[2023] & {"1508", "1580"}
    assert {"1508", "1580"} <= codes[2024]
    assert "1507" not in codes[2024]


def test_age_is_that_by_the_end_of_the_year_before(small: Region) -> None:
    """Ages that the journal's models give at the year's end are the register's a day later."""
    frame = population_register(small).frame
    found = (
        frame.filter(pl.col("on_date") == dt.date(2025, 1, 1))
        .group_by("sex", "age")
        .agg(pl.col("persons").sum())
    )
    persons, _ = small.spells.residents((dt.date(2025, 1, 1) - dt.date(1970, 1, 1)).days)
    lived = small.persons[persons].select(
        "sex", (2024 - pl.col("birth_date").dt.year()).alias("age")
    )
    expected = lived.group_by("sex", "age").len()
    joined = found.join(expected, on=["sex", "age"], how="full").fill_null(0)
    assert joined.filter(pl.col("persons") != pl.col("len").cast(pl.Int64)).is_empty()
    assert lived["age"].min() == 0


def test_a_region_is_written_as_a_register_that_says_it_is_made_up(
    small: Region, tmp_path: Path
) -> None:
    first = write_register(small, tmp_path / "one")
    again = write_register(small, tmp_path / "two")
    assert first.provenance == again.provenance
    assert first.provenance.synthetic
    assert "ingen virkelige personer" in first.provenance.source
    assert first.provenance.retrieved_at is None


# --- through the models


METADATA = {"source": "spec", "delivery": "spec", "transaction_time": "2030-01-01T00:00:00Z"}


def person(key: str) -> dict[str, Any]:
    born = dt.date(1984, 5, 1)
    return {"patient_key": key, "sex": "female", "birth_date": born, "is_graded": False} | METADATA


def lives(key: str, code: str, until: dt.date | None) -> dict[str, Any]:
    since = dt.date(2020, 1, 1)
    return {
        "patient_key": key, "municipality_code": code, "valid_from": since, "valid_to": until
    } | METADATA  # fmt: skip


def counted(code: str, year: int, persons: int | None, sex: str = "female") -> dict[str, Any]:
    return {
        "municipality": code,
        "sex": sex,
        "age": 40,
        "top_coded": False,
        "on_date": dt.date(year, 1, 1),
        "persons": persons,
        "status": None if persons is not None else "..",
    }


@pytest.fixture
def home(dbt: Dbt, tmp_path: Path) -> Warehouse:
    one = Warehouse(tmp_path, dbt)
    one.write_journal(
        {
            "patient": [person("a"), person("b")],
            "residence": [lives("a", "5001", None), lives("b", "5001", dt.date(2025, 1, 1))],
        }
    )
    one.write_catalogue(range(2024, 2026))
    return one


def built(home: Warehouse) -> list[tuple[Any, ...]]:
    home.dbt("--quiet", "run", "--select", "+int_register_comparison", "+int_register_population")
    home.dbt("--quiet", "test", "--select", "stg_register__population", "int_register_comparison")
    found = home.table("intermediate.int_register_comparison").sort("municipality_code", "on_date")
    return found.with_columns(pl.col("on_date").dt.year()).rows()


def test_live_municipalities_are_compared_on_the_days_that_deliveries_are_about(
    home: Warehouse,
) -> None:
    home.write_register(
        [
            *(counted("5001", year, 2) for year in (2023, 2024, 2025, 2026)),
            counted("5001", 2024, 1, "male"),
            # A cell that is not known makes its municipality unknown; the twin, a plain sum, 4.
            counted("1505", 2025, 4),
            counted("1505", 2025, None, "male"),
            # Planned, and not live: its residents need not be in the journal.
            counted("1511", 2024, 4),
        ]
    )
    assert built(home) == [
        ("1505", 2025, 0, None),
        ("5001", 2024, 2, 3),
        ("5001", 2025, 1, 2),
        ("5001", 2026, 1, 2),
    ]


def test_without_a_register_nothing_fails_and_nothing_is_compared(home: Warehouse) -> None:
    assert built(home) == []
