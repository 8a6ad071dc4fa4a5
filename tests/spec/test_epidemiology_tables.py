"""Every method beside the tables that its published test data print.

The tables in ``published/`` name their sources in their first line. What they print to fifteen
digits is met to a relative 1e-9; the rest to the digits printed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.epidemiology import (
    byar_limits,
    control_chart,
    crude_rate_frame,
    directly_standardised_rate,
    empirical_bayes,
    funnel_curve,
    funnel_limits,
    funnel_places,
    indirectly_standardised,
    inequality_frame,
    life_expectancy,
    life_expectancy_frame,
    proportion_frame,
    relative_index_of_inequality,
    slope_index_of_inequality,
    wilson,
)

TABLES = Path(__file__).parent / "published"
EXACT = 1e-9


def table(name: str) -> pl.DataFrame:
    return pl.read_csv(TABLES / f"{name}.csv", comment_prefix="#", infer_schema_length=None)


def met(got: Any, printed: Any, **tolerance: float) -> None:
    """Numbers as printed; what is printed as missing is left out."""
    printed = np.asarray(printed, dtype=np.float64)
    known = ~np.isnan(printed)
    assert known.any()
    got = np.asarray(got, dtype=np.float64)
    np.testing.assert_allclose(got[known], printed[known], **(tolerance or {"rtol": EXACT}))


@pytest.mark.parametrize("confidence", [0.95, 0.998])
def test_intervals(confidence: float) -> None:
    rows = table("intervals").filter((pl.col("confidence") - confidence).abs() < 1e-9)
    counts = rows.filter(method="byars")
    lower, upper = byar_limits(counts["count"], confidence)
    met(lower, counts["lower"])
    met(upper, counts["upper"])
    shares = rows.filter(method="wilson")
    got = wilson(shares["count"], shares["denominator"], confidence).to_frame()
    met(got["lower"], shares["lower"])
    met(got["upper"], shares["upper"])


@pytest.mark.parametrize("kind", ["rate", "proportion"])
@pytest.mark.parametrize(("confidence", "level"), [(0.95, "95"), (0.998, "998")])
def test_rates_and_proportions(kind: str, confidence: float, level: str) -> None:
    rows = table("rates").filter(kind=kind)
    method = crude_rate_frame if kind == "rate" else proportion_frame
    got = method(
        rows.with_columns(denominator=pl.col("denominator").fill_null(0)).filter(
            pl.col("numerator").is_null() | (pl.col("denominator") > 0)
        ),
        multiplier="multiplier",
        confidence=confidence,
    ).filter(pl.col("value").is_not_null())
    printed = rows.filter(pl.col("value").is_not_null())
    assert got.height == printed.height
    met(got["value"], printed["value"])
    met(got["lower"], printed[f"lower_{level}"])
    met(got["upper"], printed[f"upper_{level}"])


@pytest.mark.parametrize("row", table("direct").to_dicts(), ids=lambda row: row["area"])
def test_direct_standardisation(row: dict[str, Any]) -> None:
    bands = table("standardised_bands").filter(area=row["area"])
    repeats = {k: bands[f"persons_{k}"] for k in range(1, 5)}
    by_persons = None if repeats[1].null_count() else repeats
    for confidence, level in ((0.95, "95"), (0.998, "998")):
        got = directly_standardised_rate(
            bands["count"],
            bands["population"],
            bands["weight"],
            row["multiplier"],
            confidence,
            persons_by_events=by_persons,
        )
        if row["value"] is None:
            assert got.reason == "too_few_events"
            assert (got.value, got.lower, got.upper) == (None, None, None)
        elif row[f"lower_{level}"] is not None:
            met(
                [got.value, got.lower, got.upper],
                [row["value"], row[f"lower_{level}"], row[f"upper_{level}"]],
            )


@pytest.mark.parametrize("row", table("indirect").to_dicts(), ids=lambda r: r["area"])
def test_indirect_standardisation(row: dict[str, Any]) -> None:
    bands = table("standardised_bands").filter(area=row["area"])
    for counts in (bands["count"], row["observed"]):
        for confidence, level in ((0.95, "95"), (0.998, "998")):
            got = indirectly_standardised(
                counts,
                bands["population"],
                bands["reference_count"],
                bands["reference_population"],
                row["multiplier"],
                confidence,
                result=row["result"],
            )
            assert got.observed == row["observed"]
            met(
                [got.expected, got.value, got.lower, got.upper],
                [row["expected"], row["value"], row[f"lower_{level}"], row[f"upper_{level}"]],
            )
            if row["reference_rate"] is not None and row["multiplier"] == 100_000:
                assert got.reference_rate == pytest.approx(row["reference_rate"], rel=EXACT)


def test_funnel_limits_of_proportions() -> None:
    rows = table("funnel_proportions")
    got = funnel_limits(rows["average"], rows["denominator"], "proportion", 100)
    for name in ("lower_95", "upper_95", "lower_998", "upper_998"):
        # The average itself is printed to six digits.
        met(getattr(got, name), rows[name], atol=2e-6)


@pytest.mark.parametrize("kind", ["ratio", "rate"])
def test_funnel_curves(kind: str) -> None:
    """The printed sizes were found by halving to 1e-7, and are as exact as that."""
    for (average,), rows in table("funnel_curves").filter(kind=kind).group_by("average"):
        unit = 100.0 if kind == "ratio" else 1e5
        got = funnel_curve(float(average), rows["events"], unit)
        for name in ("lower_95", "upper_95", "lower_998", "upper_998"):
            side, level = name.split("_")
            met(getattr(got, name), rows[name], rtol=5e-5)
            years = 1.0 if kind == "ratio" else 3.0
            sizes = getattr(got, f"{side}_size_{level}") / years
            met(sizes, rows[f"{side}_size_{level}"], rtol=5e-5)


@pytest.mark.parametrize("kind", ["proportion", "ratio", "crude", "direct"])
def test_funnel_places(kind: str) -> None:
    rows = table("funnel_places").filter(kind=kind)
    sizes = rows["denominator"]
    if kind in ("crude", "direct"):
        some = rows.filter(pl.col("numerator") > 0)
        rows = some if kind == "direct" else rows
        effective = 1e5 * rows["numerator"] / rows["rate"]
        sizes = rows.select(
            pl.when(pl.col("numerator") > 0).then(effective).otherwise(pl.col("denominator"))
        ).to_series()
    as_kind = kind if kind in ("proportion", "ratio") else "rate"
    got = funnel_places(rows["numerator"], sizes, as_kind)  # type: ignore[arg-type]
    printed = rows["place"].to_list()
    assert [place for place, told in zip(got, printed, strict=True) if told != "too_few"] == [
        told for told in printed if told != "too_few"
    ]


CASES = [
    (uses, row)
    for row in table("inequality").to_dicts()
    for uses in (["limits"] if row["transform"] else ["limits", "errors"])
]
GROUPS = table("inequality_groups")


@pytest.mark.parametrize(("uses", "row"), CASES)
def test_inequality(uses: str, row: dict[str, Any]) -> None:
    """Indices to all digits; limits, which were simulated, to a hundredth of their width."""
    groups = GROUPS.filter(groups=row["groups"])
    given: dict[str, Any] = (
        {"lowers": groups["lower"], "uppers": groups["upper"]}
        if uses == "limits"
        else {"standard_errors": groups["standard_error"]}
    )
    options = {
        "multiplier": row["multiplier"],
        "confidence": row["confidence"],
        "kind": row["kind"],
        "transform": row["transform"],
    }
    both = {
        "slope": slope_index_of_inequality(
            groups["value"], groups["population"], **given, **options
        ),
        "relative": relative_index_of_inequality(
            groups["value"], groups["population"], **given, **options
        ),
    }
    for name, got in both.items():
        printed = [row[f"{name}_index"], row[f"{name}_lower"], row[f"{name}_upper"]]
        if printed[0] is not None:
            assert got.value == pytest.approx(printed[0], rel=EXACT)
        if row["intercept"] is not None:
            assert got.intercept == pytest.approx(row["intercept"], rel=EXACT)
        if printed[1] is not None:
            width = printed[2] - printed[1]
            assert [got.lower, got.upper] == pytest.approx(printed[1:], abs=0.012 * width)


def test_inequality_of_strata() -> None:
    """[PHEindicatormethods 2.1.1] vignette on phe_sii, example 2, as printed."""
    got = inequality_frame(
        table("quintiles"), by=["year"], rank="quintile", kind="rate", transform=True
    )
    slopes, ratios = (got.filter(index=name) for name in ("slope", "relative"))
    printed = [-14.03684, -12.83196, -11.09234, -10.06041, -10.06085, -8.53077]
    met(slopes["value"], printed, atol=5.1e-6)
    printed = [0.9010655, 0.9086641, 0.9199455, 0.9266342, 0.9263086, 0.9368534]
    met(ratios["value"], printed, atol=5.1e-8)
    met(slopes["lower"], [-17.943, -16.715, -14.923, -13.875, -13.838, -12.265], atol=0.05)
    met(ratios["upper"], [0.92769, 0.93539, 0.94684, 0.95371, 0.95308, 0.96397], atol=4e-4)


def test_life_expectancy() -> None:
    rows = table("life_expectancy")
    got = life_expectancy(rows["deaths"], rows["population"], rows["age_from"].to_list())
    by_age = got.to_frame()
    assert by_age["age"].to_list() == rows["age_from"].to_list()
    met(by_age["value"], rows["value"], atol=5e-9)
    for name in ("lower", "upper"):
        # Printed with 1.96 for the quantile 1.959964.
        met(by_age[name], rows[name], atol=6e-6)
    assert (got.value, got.lower, got.upper) == (
        by_age["value"][0],
        by_age["lower"][0],
        by_age["upper"][0],
    )
    turned = rows.sort("deaths")
    labels = [f"{age} - {age + 4}" for age in turned["age_from"]]
    assert life_expectancy(turned["deaths"], turned["population"], labels) == got
    framed = life_expectancy_frame(rows.with_columns(area=pl.lit("a")), by=["area"], at=65)
    assert framed["upper"].item() == pytest.approx(18.96143352, abs=6e-6)


def test_life_expectancy_with_wide_intervals() -> None:
    """[PHEindicatormethods, testLifeExpectancy.R] values up to 35; from 40 refused as too wide."""
    deaths = [17, 9, 4, 8, 20, 15, 24, 33, 50, 51, 10, 16, 26, 30, 36, 22, 13, 5, 6, 1]
    people = [270, 235, 246, 248, 243, 238, 246, 257, 261, 355]
    people += [350, 356, 346, 339, 337, 337, 333, 323, 311, 311]
    printed = [19.22914685, 19.44120610, 18.33467808, 14.67659995, 11.81284556, 11.63815414]
    printed += [10.05641628, 9.93152356, 11.95846561]
    got = life_expectancy(deaths, people)
    met(got.by_age.value[:9], printed, atol=5e-9)
    met([got.lower, got.upper], [16.43900644, 22.01928726], atol=6e-5)
    assert got.by_age.reason[:9] == (None,) * 9
    assert got.by_age.reason[9:] == ("wide_interval",) * 11
    deaths[-1] = 312
    assert life_expectancy(deaths, people).reason == "deaths_above_population"


def test_shrunken_rates() -> None:
    rows = table("st_louis")
    got = empirical_bayes(rows["count"], rows["population"]).to_frame()
    met(got["value"], rows["shrunken"], rtol=5e-9)


def test_shrunken_proportions() -> None:
    rows = table("huddersfield")
    got = empirical_bayes(rows["count"], rows["total"], 100, kind="proportion").to_frame()
    met(got["value"], rows["shrunken"], atol=5.01e-3)


def test_control_chart() -> None:
    rows = table("control_chart")
    for sigmas in (2, 3):
        got = control_chart(rows["count"], rows["denominator"], "proportion", 100, sigmas)
        met(got.lower, rows[f"lower_{sigmas}"], atol=5.1e-5)
        met(got.upper, rows[f"upper_{sigmas}"], atol=5.1e-5)
