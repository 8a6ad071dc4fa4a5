"""What pages keep for the next reader: bounded, and never of another release."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from dashboards import kept
from dashboards.charts import (  # noqa: F401
    adoption,
    compare,
    pyramid,
    recent,
    region_map,
    several,
    sex_age,
    trend,
)
from dashboards.components import at_a_glance  # noqa: F401
from dashboards.data_access import current_release
from dashboards.figures import headline
from tests.support.published_release import write_release

SHOWN = "emergency_admissions_per_1000"
ALLOWED = {
    "Release", "Context", "Choice", "Path", "Period", "bool", "date", "int", "int | None", "str",
    "tuple[int, ...]", "tuple[str, ...]",
}  # fmt: skip
"""Published things and choices among them: no address, no session, nothing that changes."""


def test_what_was_kept_longest_unused_goes_first() -> None:
    asked: list[int] = []

    @kept.kept(most=2)
    def double(number: int) -> int:
        asked.append(number)
        return 2 * number

    assert [double(number) for number in (1, 2, 1, 3, 1, 2)] == [2, 4, 2, 6, 2, 4]
    assert asked == [1, 2, 3, 2]
    kept.forget()
    double(1)
    assert asked == [1, 2, 3, 2, 1]


def test_a_script_keeps_nothing() -> None:
    """It is run anew for every reader, so that each run would hold its own results for good."""
    script = "from dashboards.kept import kept\n@kept(most=1)\ndef page() -> None: ..."
    with pytest.raises(ValueError, match=r"^page: .*script"):
        exec(script, {"__name__": "__main__"})


def test_a_new_release_is_answered_with_its_own_figures(tmp_path: Path) -> None:
    write_release(tmp_path)
    first = current_release(tmp_path)
    before = trend.trend(first, headline(first, SHOWN), "5001", "nb")
    newer = tmp_path / "published" / "r-2026-06-30-00000000"
    newer.mkdir()
    for file in first.folder.iterdir():
        (newer / file.name).write_bytes(file.read_bytes())
    values = pl.read_parquet(newer / "indicator_values.parquet")
    values.with_columns(pl.col("value") + 1000).write_parquet(newer / "indicator_values.parquet")
    pointer = tmp_path / "published" / "current"
    pointer.unlink()
    pointer.symlink_to(newer.name)
    second = current_release(tmp_path)
    after = trend.trend(second, headline(second, SHOWN), "5001", "nb")
    raised = [row["value"] and row["value"] + 1000 for row in before["datasets"]["points"]]
    assert [row["value"] for row in after["datasets"]["points"]] == pytest.approx(raised)
    assert trend.trend(first, headline(first, SHOWN), "5001", "nb") == before


def kept_functions() -> Iterator[tuple[str, Callable[..., object]]]:
    for module in sys.modules.copy().values():
        if module.__name__.startswith("dashboards.") and module is not kept:
            for name, function in vars(module).items():
                if getattr(function, "__module__", "") == module.__name__ and hasattr(
                    function, "__wrapped__"
                ):
                    yield f"{module.__name__}.{name}", function.__wrapped__


def test_nothing_kept_is_given_a_reader() -> None:
    """A kept function is given a release, or one in a language, and choices by code."""
    given = {
        (name, kind)
        for name, function in kept_functions()
        for parameter, kind in function.__annotations__.items()
        if parameter != "return"
    }
    assert len({name for name, _kind in given}) > 25
    assert {kind for _name, kind in given} <= ALLOWED
