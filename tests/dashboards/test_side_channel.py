"""What is hidden leaves no trace: two releases that differ in hidden figures alone look the same.

Every hidden cell is one pair: its figures, counts, limits, rank and place in the funnel are other
numbers in the second release. A page, chart or file that carried, sorted by, coloured by or was
as long as a hidden value would not be the same byte for byte. The twin reads past the door that
empties hidden rows, and differs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import polars as pl
import pytest

from dashboards import data_access, downloads
from dashboards.charts import compare, region_map, several, sex_age, trend
from dashboards.data_access import FIGURES, Release, current_release
from dashboards.figures import Choice, headline
from dashboards.profiles import sheet
from dashboards.session import Context
from tests.support.planner_pages import TABS, page, payload
from tests.support.published_release import write_release

HIDING = "home_nursing_users_80plus_share"
MONTHLY = "ready_for_discharge_days_per_1000"
PAIRS = 1000
HIDDEN = pl.col("value_status").is_in(["suppressed", "not_covered", "missing", "merged"])


def with_other_figures(home: Path, seed: int) -> Path:
    """A release whose hidden rows hold figures that depend on the seed, as if nobody emptied them.

    The same goes for their published comparison with others.
    """
    folder = write_release(home)

    def noise(columns: list[str], salt: int) -> pl.Expr:
        key = pl.concat_str([pl.col(name).cast(pl.String) for name in columns], separator="|")
        return (key.hash(100 * seed + salt) % 9_000_000).cast(pl.Float64) / 7

    path = folder / "indicator_values.parquet"
    values = pl.read_parquet(path)
    key = ["indicator_id", "area_code", "period_type", "period_start", "sex", "age_group",
           "value_kind"]  # fmt: skip
    facts = pl.read_parquet(folder / "indicators.parquet")
    told = facts.filter("public_denominator")["indicator_id"].to_list()
    secret = {"denominator": HIDDEN & ~pl.col("indicator_id").is_in(told)}
    values.with_columns(
        pl.when(secret.get(name, HIDDEN)).then(noise(key, salt)).otherwise(pl.col(name)).alias(name)
        for salt, name in enumerate((*FIGURES, "denominator"))
    ).write_parquet(path)
    path = folder / "comparisons.parquet"
    compared = pl.read_parquet(path).join(
        values.select(*key, "value_status"), on=key, how="left", maintain_order="left"
    )
    # What the region and the peers have stands in the same row, and is not the hidden area's.
    numbers = [name for name in compared.columns if name.startswith(("rank", "funnel_"))]
    numbers.remove("rank_of")
    compared.with_columns(
        pl.when(HIDDEN)
        .then(noise(key, salt).cast(compared.schema[name], strict=False))
        .otherwise(pl.col(name))
        .alias(name)
        for salt, name in enumerate(numbers)
    ).drop("value_status").write_parquet(path)
    return folder


def charts(release: Release, area: str) -> Iterator[tuple[str, bytes]]:
    """Every chart of an area with hidden figures, and all that its profile says."""
    choice, years = headline(release, HIDING), tuple(release.years)
    towns = release.areas(years[0]).filter(area_code=area)
    specs = {
        "map": region_map.tile_map(release, choice, years[0], "nb"),
        "trend": trend.trend(release, choice, area, "nb"),
        "months": trend.trend(release, headline(release, MONTHLY), area, "nb", "month"),
        "bars": compare.bars(release, choice, years[0], (), area, "nb"),
        "funnel": compare.funnel(release, choice, years[0], area, "nb"),
        "several": several.several(release, choice, ("5001", "MIDT"), area, "nb"),
        "sex_age": sex_age.sex_age(release, HIDING, area, years[0], "nb"),
        "women": trend.trend(release, Choice(HIDING, "crude", "female"), area, "nb"),
        "profile": sheet.sheet(Context(release, "nb"), towns.row(0, named=True), years[0]),
    }
    for name, spec in specs.items():
        yield f"chart {name}", json.dumps(spec, default=str).encode()


def files(release: Release) -> Iterator[tuple[str, bytes]]:
    """Every kind of file."""
    yield "tidy", downloads.tidy_csv(release, HIDING)
    yield "spreadsheet", downloads.spreadsheet_csv(release, MONTHLY, "nb")
    yield "workbook", downloads.workbook(release, "structured_documentation_share", "nb", "")


def pages(area: str) -> Iterator[tuple[str, bytes]]:
    """Every page of the area, as it is sent; the first is the one that sets areas side by side."""
    base = {"lang": "nb", "area": area, "indicator": HIDING}
    for name in ("compare", "overview", "municipality", "collaboration"):
        yield name, payload(page(name, base))
    for tab in TABS:
        yield tab, payload(page("indicator", base | {"tab": tab}))
    yield "funnel", payload(page("indicator", base | {"tab": "compare", "chart": "funnel"}))


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    both = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    for seed, home in enumerate(both):
        with_other_figures(home, seed + 1)
    return both


def sent(home: Path, monkeypatch: pytest.MonkeyPatch, most: int | None = None) -> dict[str, bytes]:
    """Charts, files and pages, of the latter so many."""
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))
    release = current_release()
    hidden = release.values.filter(indicator_id=HIDING, value_status="suppressed", sex="total")
    area = str(hidden.filter(year=release.years[0])["area_code"][0])
    return dict([*charts(release, area), *files(release), *islice(pages(area), most)])


def differing(first: dict[str, bytes], second: dict[str, bytes]) -> list[str]:
    """Names of what is not the same, with both lengths."""
    return [
        f"{name}: {len(first[name])} and {len(second[name])} bytes"
        for name in first
        if hashlib.sha256(first[name]).digest() != hashlib.sha256(second[name]).digest()
    ]


def test_the_pairs_differ_in_hidden_figures_alone(homes: tuple[Path, Path]) -> None:
    first, second = (
        pl.read_parquet(next(home.glob("published/r-*/indicator_values.parquet"))) for home in homes
    )
    hidden = first.select(HIDDEN).to_series()
    assert hidden.sum() >= PAIRS
    assert (first["value"] != second["value"]).filter(hidden).sum() == hidden.sum()
    assert first.filter(~hidden).equals(second.filter(~hidden))


def test_nothing_that_is_sent_tells_one_of_a_pair_from_the_other(
    homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert differing(*(sent(home, monkeypatch) for home in homes)) == []


@pytest.mark.nightly
def test_no_area_with_a_hidden_figure_tells_its_pairs_apart(homes: tuple[Path, Path]) -> None:
    releases = [current_release(home) for home in homes]
    areas = releases[0].values.filter(
        value_status="suppressed", year=releases[0].years[0], indicator_id=HIDING
    )["area_code"]
    for area in areas.unique().sort():
        assert differing(*(dict(charts(release, area)) for release in releases)) == [], area


def test_reading_past_the_door_would_be_noticed(
    homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def through(values: pl.DataFrame, _: pl.DataFrame) -> pl.DataFrame:
        return values.with_columns(year=pl.col("period_start").dt.year().cast(pl.Int64))

    monkeypatch.setattr(data_access, "_only_shown", through)
    data_access._read.cache_clear()
    try:
        found = differing(*(sent(home, monkeypatch, 1) for home in homes))
    finally:
        data_access._read.cache_clear()
    carriers = {name.split(":")[0] for name in found}
    assert {
        "chart map",
        "chart trend",
        "chart bars",
        "chart profile",
        "tidy",
        "compare",
    } <= carriers
