"""Every indicator against its expected results: a small input, the figures out.

The files in ``indicators/`` are for a domain expert to read; this runs the real models on them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from pipelines.catalogue.loader import catalogue
from tests.support.compiled_models import Dbt, QuickWarehouse
from tests.support.warehouse import Warehouse

FOLDER = Path(__file__).parent / "indicators"
SPECS = sorted(path for path in FOLDER.glob("*.yml") if not path.name.startswith("_"))
DEFAULTS = yaml.safe_load((FOLDER / "_defaults.yml").read_text(encoding="utf-8"))
KEYS = {
    "encounter": "encounter_key",
    "condition": "condition_key",
    "care_episode": "episode_key",
    "message": "message_key",
    "prescription": "prescription_key",
    "journal_entry": "entry_key",
    "portal_session": "session_key",
    "portal_form": "form_key",
    "staff": "staff_key",
    "gp_office": "gp_office_key",
    "observation": "observation_key",
    "procedure": "procedure_key",
    "migration_count": "report_key",
    "claim": "claim_key",
    "care_decision": "decision_key",
    "bed_capacity": "capacity_key",
    "immunization": "immunization_key",
}
SUMS = (
    "numerator",
    "denominator",
    "numerator_sq",
    "numerator_persons",
    "denominator_persons",
    "complement_persons",
)


@pytest.fixture(scope="module")
def warehouse(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> QuickWarehouse:
    made = QuickWarehouse(tmp_path_factory.mktemp("specs"), dbt)
    made.write_single_year_strata()
    return made


def test_every_indicator_has_a_spec() -> None:
    assert {path.stem for path in SPECS} == set(catalogue().indicators)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_indicator_gives_what_its_spec_says(path: Path, warehouse: QuickWarehouse) -> None:
    spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    years = range(min(spec["years"]), max(spec["years"]) + 1)
    warehouse.write_journal({table: complete(table, rows) for table, rows in spec["given"].items()})
    warehouse.write_catalogue(years)
    counted_from = catalogue().indicators[spec["indicator"]]
    warehouse.count_only(counted_from.numerator.measure, counted_from.denominator.measure)
    assert differences(spec, warehouse) == []


def complete(table: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the defaults of ``_defaults.yml`` filled in."""
    filled = []
    for number, row in enumerate(rows, start=1):
        values = {**DEFAULTS["every_table"], **DEFAULTS.get(table, {}), **row}
        if table in KEYS:
            values.setdefault(KEYS[table], f"{table}-{number}")
        replaced = {
            name: value.format(row=number, **row)
            if isinstance(value, str) and "{" in value
            else value
            for name, value in values.items()
        }
        if "sent_sequence" in replaced:
            replaced["sent_sequence"] = int(replaced["sent_sequence"])
        filled.append(replaced)
    return filled


def differences(spec: dict[str, Any], warehouse: Warehouse) -> list[str]:
    """What is counted otherwise than the spec says, in words."""
    indicator = spec["indicator"]
    found = counted(indicator, warehouse)
    covered = {
        (row["area_code"], row["period_start"].year): row
        for row in warehouse.table("marts.fct_coverage")
        .filter(pl.col("indicator_id") == indicator)
        .iter_rows(named=True)
    }
    wrong = []
    expected = {(str(row["area"]), row["year"]): row for row in spec["expect"]}
    for key, row in expected.items():
        got = found.get(key, {})
        state = covered[key]
        if "coverage" in row and state["coverage_state"] != row["coverage"]:
            wrong.append(f"{key}: coverage {state['coverage_state']}, expected {row['coverage']}")
        if "covered_share" in row and abs(state["covered_share"] - row["covered_share"]) > 1e-6:
            wrong.append(f"{key}: share {state['covered_share']}, expected {row['covered_share']}")
        for name in set(row) - {"area", "year", "coverage", "covered_share"}:
            value = got.get(name) or 0
            if value != pytest.approx(row[name], abs=1e-9):
                wrong.append(f"{key}: {name} {value}, expected {row[name]}")
    wrong += other_medians(spec, warehouse) + other_splits(spec, warehouse)
    for key, row in found.items():
        told = expected.get(key, {})
        if "numerator" not in told and (row["numerator"] or row["denominator"]):
            wrong.append(f"{key}: counted {row['numerator']} of {row['denominator']}, not expected")
    return wrong


MEDIANS = ("median", "persons_at_most", "persons_at_least")


def other_medians(spec: dict[str, Any], warehouse: Warehouse) -> list[str]:
    """Medians that are otherwise than the spec's ``expect_medians`` says, in words."""
    frame = warehouse.table("marts.fct_medians").filter(indicator_id=spec["indicator"])
    found = {
        (row["area_code"], row["period_start"].year): [row[name] for name in MEDIANS]
        for row in frame.iter_rows(named=True)
    }
    expected = {
        (str(row["area"]), row["year"]): [row[name] for name in MEDIANS]
        for row in spec.get("expect_medians", [])
    }
    return [] if found == expected else [f"medians {found}, expected {expected}"]


SPLIT = ("area", "year", "breakdown", "value")


def other_splits(spec: dict[str, Any], warehouse: Warehouse) -> list[str]:
    """Values of splits that are counted otherwise than the spec's ``expect_breakdowns`` says."""
    frame = warehouse.table("marts.fct_breakdown_counts").filter(indicator_id=spec["indicator"])
    found = {
        (row["area_code"], row["period_start"].year, row["breakdown"], row["breakdown_value"]): row
        for row in frame.iter_rows(named=True)
    }
    expected = {
        tuple(row[name] for name in SPLIT): row for row in spec.get("expect_breakdowns", [])
    }
    wrong = [f"{key}: counted, not expected" for key in found.keys() - expected.keys()]
    for key, row in expected.items():
        got = found.get(key, {})
        wrong += [
            f"{key}: {name} {got.get(name)}, expected {row[name]}"
            for name in sorted(set(row) - set(SPLIT))
            if got.get(name) != row[name]
        ]
    return wrong


def counted(indicator: str, warehouse: Warehouse) -> dict[tuple[str, int], dict[str, Any]]:
    """Counts by area and year, summed over strata."""
    frames = []
    for mart in ("fct_indicator_counts", "fct_flow_counts"):
        frame = warehouse.table(f"marts.{mart}").filter(pl.col("indicator_id") == indicator)
        sums = [pl.col(name).sum() for name in SUMS if name in frame.columns]
        frames.append(
            frame.group_by("area_code", pl.col("period_start").dt.year().alias("year")).agg(
                *sums, pl.col("providers").max()
            )
        )
    rows = pl.concat(frames, how="diagonal").iter_rows(named=True)
    return {(row["area_code"], row["year"]): row for row in rows}
