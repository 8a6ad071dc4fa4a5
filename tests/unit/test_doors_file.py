"""The written person-years are measured again before they get their name."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from anonymization.person_year_table import FIRST_ATTRIBUTES
from pipelines.assets.doors import _hold
from pipelines.settings import atomic_write


def person_years(persons: int) -> pl.DataFrame:
    number = range(persons)
    return pl.DataFrame(
        {
            "person_year_key": [f"{n:032x}" for n in number],
            "year": [2024] * persons,
            "municipality_code": ["5001"] * persons,
            "sex": ["female"] * persons,
            "age_from": [0] * persons,
            "age_to": [199] * persons,
            **{a.name: [n % 2 == 0 for n in number] for a in FIRST_ATTRIBUTES},
        }
    )


def publish(frame: pl.DataFrame, target: Path) -> None:
    with atomic_write(target) as path:
        frame.write_parquet(path)
        _hold(path, 5)


def test_what_does_not_hold_is_not_published(tmp_path: Path) -> None:
    target = tmp_path / "person_years.parquet"
    with pytest.raises(ValueError, match="holds 4, fewer than k=5"):
        publish(person_years(4), target)
    assert list(tmp_path.iterdir()) == []
    publish(person_years(5), target)
    assert [entry.name for entry in tmp_path.iterdir()] == [target.name]
