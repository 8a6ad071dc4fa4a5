"""Splits on a table that one can check by hand: what is shown, and what no subtraction gives.

Entries in structured form by service, and of the same day by service and device. 5001 has plenty
of everything. In 5006 the out-of-hours clinic has two structured entries. In 5007 two employees
write on mobile devices. 5014 and 5021 have so few entries that their years are hidden. In 5020
sixty entries name no device.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from anonymization.tables import LinkedSystem, ProtectedSystem, TablePolicy, protect_system
from pipelines.publication import protected_parts
from pipelines.publication.build import Candidate, build
from pipelines.publication.reaudit import audit_files
from pipelines.settings import reference_dir
from tests.support.month_marts import with_standard
from tests.support.split_marts import SAME_DAY, STRUCTURED, Row, entries, split_marts

YEARS = range(2024, 2025)
ROWS: list[Row] = [
    ("5001", "home_care", "mobile", 400, 250, 300, 8),
    ("5001", "home_care", "workstation", 400, 200, 250, 8),
    ("5001", "nursing_home", "workstation", 300, 200, 150, 8),
    ("5001", "emergency", "workstation", 300, 100, 150, 8),
    ("5006", "home_care", "mobile", 200, 100, 100, 6),
    ("5006", "nursing_home", "workstation", 200, 120, 100, 6),
    ("5006", "emergency", "workstation", 100, 2, 60, 6),
    ("5007", "home_care", "mobile", 100, 40, 60, 2),
    ("5007", "nursing_home", "workstation", 300, 100, 200, 7),
    ("5014", "home_care", "workstation", 9, 4, 4, 3),
    ("5021", "home_care", "workstation", 8, 2, 2, 3),
    ("5020", "home_care", "mobile", 200, 100, 80, 6),
    ("5020", "nursing_home", "workstation", 150, 100, 80, 6),
    ("5020", "emergency", None, 60, 30, 30, 6),
    (None, "home_care", "workstation", 40, 20, 20, 4),
]
CHOSEN = with_standard([STRUCTURED, SAME_DAY])
MARTS = split_marts(entries(ROWS))


@pytest.fixture(scope="module")
def made() -> Candidate:
    return build(MARTS, CHOSEN, reference_dir(), YEARS)


@pytest.fixture(scope="module")
def splits(made: Candidate) -> pl.DataFrame:
    return made.tables["indicator_values"].filter(pl.col("breakdown") != "total")


def of(splits: pl.DataFrame, indicator: str, breakdown: str, area: str) -> dict[str, str]:
    rows = splits.filter(
        pl.col("indicator_id") == indicator,
        pl.col("breakdown") == breakdown,
        pl.col("area_code") == area,
    )
    return dict(rows.select("breakdown_value", "value_status").iter_rows())


def shown_as(splits: pl.DataFrame, area: str) -> set[str]:
    return set(of(splits, SAME_DAY.id, "service", area).values())


def test_every_value_of_every_place_is_there_as_a_crude_value(splits: pl.DataFrame) -> None:
    # Three services and an unknown one, of two indicators; two devices and an unknown one.
    assert splits.height == (4 + 4 + 3) * 7
    for column, only in {"value_kind": "crude", "sex": "total", "age_group": "total",
                         "period_type": "year"}.items():  # fmt: skip
        assert splits[column].unique().to_list() == [only]


def test_a_shown_value_has_its_counts_and_interval(splits: pl.DataFrame) -> None:
    row = splits.row(
        by_predicate=(pl.col("area_code") == "5001")
        & (pl.col("indicator_id") == STRUCTURED.id)
        & (pl.col("breakdown_value") == "home_care"),
        named=True,
    )
    assert (row["numerator"], row["denominator"], row["value"]) == (450.0, 800.0, 56.3)
    # Wilson's interval of 450 in 800.
    assert (row["lower_ci"], row["upper_ci"]) == (52.8, 59.6)


def test_what_hides_nobody_shows_all_of_its_values(splits: pl.DataFrame) -> None:
    # What 5007 hides needs one other municipality, not two, and not the region.
    needed = [a for a in ("5001", "5006", "5020") if "suppressed" in shown_as(splits, a)]
    assert len(needed) == 1
    for area in {"5001", "5006", "5020", "MIDT"} - set(needed):
        own = of(splits, SAME_DAY.id, "service", area)
        assert own.pop("unknown") == "missing"
        assert set(own.values()) == {"ok"}


def test_a_small_value_hides_with_another_of_its_area(splits: pl.DataFrame) -> None:
    own = of(splits, STRUCTURED.id, "service", "5006")
    assert own["emergency"] == "suppressed"
    assert sorted(own.values()).count("suppressed") >= 2


def test_what_two_employees_wrote_is_theirs_and_so_is_what_tells_it(splits: pl.DataFrame) -> None:
    assert of(splits, SAME_DAY.id, "device", "5007") == {
        "mobile": "suppressed", "workstation": "suppressed", "unknown": "missing",
    }  # fmt: skip


def test_where_the_year_is_hidden_all_its_values_are(made: Candidate, splits: pl.DataFrame) -> None:
    values = made.tables["indicator_values"]
    year = values.filter(
        pl.col("breakdown") == "total", pl.col("period_type") == "year",
        pl.col("area_code") == "5014", pl.col("indicator_id") == STRUCTURED.id,
    )  # fmt: skip
    assert year["value_status"].to_list() == ["suppressed"]
    # A reader is not told either that there is nothing of a value.
    assert set(of(splits, STRUCTURED.id, "service", "5014").values()) == {"suppressed"}


def test_what_names_no_device_is_a_value_of_its_own(splits: pl.DataFrame) -> None:
    unknown = splits.row(
        by_predicate=(pl.col("area_code") == "5020") & (pl.col("breakdown") == "device")
        & (pl.col("breakdown_value") == "unknown"),
        named=True,
    )  # fmt: skip
    assert unknown["denominator"] == 60.0


def test_years_and_months_are_what_they_are_without_splits(made: Candidate) -> None:
    whole = [one.model_copy(update={"breakdowns": ()}) for one in (STRUCTURED, SAME_DAY)]
    alone = build(MARTS, with_standard(whole), reference_dir(), YEARS)
    values = made.tables["indicator_values"].filter(pl.col("breakdown") == "total")
    assert values.equals(alone.tables["indicator_values"])
    for table in ("comparisons", "like_for_like"):
        assert made.tables[table].equals(alone.tables[table])


def test_the_exact_counts_of_the_ledger_are_of_every_value(made: Candidate) -> None:
    own = made.exact.filter(pl.col("breakdown") == "device", pl.col("area_code") == "5007")
    counts = {row["breakdown_value"]: row for row in own.iter_rows(named=True)}
    assert (counts["mobile"]["denominator"], counts["mobile"]["is_shown"]) == (100.0, False)


def test_the_written_splits_pass_their_audit_and_a_shown_one_does_not(
    made: Candidate, tmp_path: Path
) -> None:
    values = made.tables["indicator_values"]
    for name, table in made.tables.items():
        table.write_parquet(tmp_path / f"{name}.parquet")
    assert audit_files(tmp_path, MARTS, CHOSEN).ok
    # The twin: the small value of 5006 is hidden alone, and its year tells it.
    own = (pl.col("breakdown") == "service") & (pl.col("area_code") == "5006")
    own = own & (pl.col("indicator_id") == STRUCTURED.id)
    told = {"home_care": (100.0, 200.0), "nursing_home": (120.0, 200.0), "unknown": (0.0, 0.0)}
    opened = values
    for value, (numerator, denominator) in told.items():
        here = own & (pl.col("breakdown_value") == value)
        opened = opened.with_columns(
            value_status=pl.when(here).then(pl.lit("ok")).otherwise("value_status"),
            numerator=pl.when(here).then(numerator).otherwise("numerator"),
            denominator=pl.when(here).then(denominator).otherwise("denominator"),
        )
    opened.write_parquet(tmp_path / "indicator_values.parquet")
    found = audit_files(tmp_path, MARTS, CHOSEN)
    assert (found.recovered > 0, found.determined > 0, found.misstated) == (True, True, 0)


def test_a_pattern_that_tells_too_much_beside_the_rest_is_withheld(
    made: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(system: LinkedSystem, policy: TablePolicy) -> ProtectedSystem:
        found = protect_system(system, policy)
        return replace(found, cells=found.cells.with_columns(status=pl.lit("ok")))

    monkeypatch.setattr(protected_parts, "protect_system", careless)
    values = build(MARTS, CHOSEN, reference_dir(), YEARS).tables["indicator_values"]
    own = values.filter(pl.col("indicator_id") == STRUCTURED.id)
    assert set(own.filter(pl.col("breakdown") != "total")["value_status"]) == {"suppressed"}
    whole = (pl.col("breakdown") == "total") & (pl.col("period_type") == "year")
    assert values.filter(whole).equals(made.tables["indicator_values"].filter(whole))


def test_values_that_do_not_add_up_to_their_year_are_refused() -> None:
    lost = (pl.col("area_code") == "5001") & (pl.col("breakdown_value") == "mobile")
    changed = replace(MARTS, breakdown_counts=MARTS.breakdown_counts.filter(~lost))
    with pytest.raises(ValueError, match="do not add up"):
        build(changed, CHOSEN, reference_dir(), YEARS)
