"""What `anonymization` offers at its front door."""

import subprocess
import sys
from types import ModuleType

import pytest

import anonymization


def test_the_microdata_and_pseudonym_doors_are_exported():
    for name in set(anonymization.__all__) - {"TablePolicy", "audit", "protect"}:
        assert getattr(anonymization, name).__module__.startswith("anonymization.")


def test_the_table_door_is_fetched_when_it_is_asked_for(monkeypatch):
    door = ModuleType("anonymization.tables")
    door.protect = object()
    monkeypatch.setitem(sys.modules, "anonymization.tables", door)
    monkeypatch.delitem(vars(anonymization), "protect", raising=False)
    assert anonymization.protect is door.protect


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'reveal'"):
        anonymization.reveal  # noqa: B018


def test_importing_brings_no_orchestrator_database_or_solver():
    code = (
        "import sys, anonymization; heavy = {'dagster', 'duckdb', 'dbt', 'streamlit', 'pandas',"
        " 'great_expectations', 'pipelines', 'dashboards', 'highspy', 'anonymization.tables'};"
        " print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
