"""Several years on a table that one can check by hand: what is shown, and what nothing gives away.

Users of personal assistance. 5001 is large in every year. 5006 has four users a year, twelve
persons in all: its years are hidden, its period is not. 5007 has two a year and 5058 four, the same
ones: as persons they are two and four, and all is hidden. 5014 is large but for its last year,
which the period would tell. 5020 is live from 2024 on: it has two years and no period.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.publication.build import Candidate, build
from pipelines.publication.reaudit import audit_files
from pipelines.settings import reference_dir
from tests.support.pooled_marts import USERS, YEARS, Spells, pooled_marts

LARGE = {"5001": 9000, "5006": 3000, "5007": 3000, "5014": 4000, "5020": 4000, "5058": 3000}
SPELLS: Spells = [
    ("5001", YEARS, 40),
    ("5006", (2023,), 4), ("5006", (2024,), 4), ("5006", (2025,), 4),
    ("5007", YEARS, 2),
    ("5058", YEARS, 4),
    ("5014", (2023, 2024), 20), ("5014", (2025,), 2),
    ("5020", (2024, 2025), 30),
    (None, YEARS, 8),
]  # fmt: skip
MARTS = pooled_marts(SPELLS, LARGE, {"5020": 2024})
CHOSEN = Catalogue({USERS.id: USERS}, catalogue().policies)
THREE = pl.col("period_type") == "three_years"


@pytest.fixture(scope="module")
def made() -> Candidate:
    return build(MARTS, CHOSEN, reference_dir(), range(2023, 2026))


@pytest.fixture(scope="module")
def periods(made: Candidate) -> dict[str, dict[str, object]]:
    rows = made.tables["indicator_values"].filter(THREE).to_dicts()
    return {row["area_code"]: row for row in rows}


def test_a_period_is_one_crude_figure_of_its_years(made: Candidate) -> None:
    values = made.tables["indicator_values"].filter(THREE)
    assert values.height == len(LARGE) + 1
    assert (
        values.select("value_kind", "sex", "age_group", "period_start", "period_end").n_unique()
        == 1
    )


def test_a_period_is_the_years_added_up(periods: dict[str, dict[str, object]]) -> None:
    trondheim = periods["5001"]
    assert (trondheim["numerator"], trondheim["denominator"]) == (120, 27_000)
    assert trondheim["value"] == 44.4  # 120 / 27 000 × 10 000
    # Forty persons, three times each, are no 120 chances: these are Wilson's limits of 40 of 9 000.
    assert (trondheim["lower_ci"], trondheim["upper_ci"]) == (32.7, 60.5)


def test_who_is_too_small_for_a_year_has_a_period(periods: dict[str, dict[str, object]]) -> None:
    assert (periods["5006"]["value_status"], periods["5006"]["numerator"]) == ("ok", 12)


def test_the_same_few_persons_are_few_in_several_years(
    periods: dict[str, dict[str, object]],
) -> None:
    assert periods["5007"]["value_status"] == "suppressed"


def test_a_period_that_would_tell_a_hidden_year_is_hidden(
    made: Candidate, periods: dict[str, dict[str, object]]
) -> None:
    values = made.tables["indicator_values"].filter(
        ~THREE, pl.col("area_code") == "5014", pl.col("sex") == "total",
        pl.col("age_group") == "total",
    )  # fmt: skip
    assert values.sort("period_start")["value_status"].to_list() == ["ok", "ok", "suppressed"]
    assert periods["5014"]["value_status"] == "suppressed"


def test_a_period_needs_all_its_years(periods: dict[str, dict[str, object]]) -> None:
    row = periods["5020"]
    assert (row["value_status"], row["status_reason"]) == ("not_covered", "years_not_covered")
    # Nor is it in the region's period, which is the others and who is nobody's.
    assert periods["MIDT"]["numerator"] == 120 + 12 + 6 + 12 + 42 + 24


def test_years_do_not_change_for_their_period(made: Candidate) -> None:
    alone = Catalogue(
        {USERS.id: USERS.model_copy(update={"pooled_years": None})}, catalogue().policies
    )
    without = build(MARTS, alone, reference_dir(), range(2023, 2026)).tables["indicator_values"]
    assert made.tables["indicator_values"].filter(~THREE).equals(without)


def written(made: Candidate, folder: Path) -> Path:
    for name, table in made.tables.items():
        table.write_parquet(folder / f"{name}.parquet")
    return folder


def test_the_files_pass_the_audit(made: Candidate, tmp_path: Path) -> None:
    audit = audit_files(written(made, tmp_path), MARTS, CHOSEN)
    assert audit.ok
    assert audit.hidden > 0


@pytest.mark.parametrize(("area", "true"), [("5014", 42), ("5007", 6)])
def test_the_audit_of_the_files_finds_an_opened_period(
    made: Candidate, tmp_path: Path, area: str, true: int
) -> None:
    folder = written(made, tmp_path)
    here = THREE & (pl.col("area_code") == area)
    opened = made.tables["indicator_values"].with_columns(
        numerator=pl.when(here).then(pl.lit(float(true))).otherwise("numerator"),
        value_status=pl.when(here).then(pl.lit("ok")).otherwise("value_status"),
    )
    opened.write_parquet(folder / "indicator_values.parquet")
    assert not audit_files(folder, MARTS, CHOSEN).ok


def test_a_period_with_another_number_is_told(made: Candidate, tmp_path: Path) -> None:
    folder = written(made, tmp_path)
    moved = made.tables["indicator_values"].with_columns(
        numerator=pl.when(THREE & (pl.col("area_code") == "5006")).then(13.0).otherwise("numerator")
    )
    moved.write_parquet(folder / "indicator_values.parquet")
    assert audit_files(folder, MARTS, CHOSEN).misstated == 1
