"""The chain of messages by month, on the page about collaboration."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.support.planner_pages import page, text
from tests.support.published_release import write_release

BY_MONTH, MESSAGE = "ready_for_discharge_days_per_1000", "discharge_report_same_day_share"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release whose figures by month are of a message."""
    for path in write_release(tmp_path).glob("*.parquet"):
        table = pl.read_parquet(path)
        if "indicator_id" in table.columns:
            table.with_columns(pl.col("indicator_id").replace(BY_MONTH, MESSAGE)).write_parquet(
                path
            )
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    return tmp_path


def test_a_message_has_its_last_twelve_months_and_its_place_in_the_address(home: Path) -> None:
    shown = page("collaboration", {"lang": "nb", "area": "5001"})
    assert not shown.exception
    assert shown.query_params["message"] == MESSAGE
    said = text(shown)
    assert "Meldingskjeden" in said
    assert any(one.label == "De siste tolv månedene som tabell" for one in shown.expander)
    assert "desember 2025" in said
