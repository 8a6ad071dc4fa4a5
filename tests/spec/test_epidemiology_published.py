"""Every method beside figures that others have printed.

References:
    [W] Newcombe RG, Statistics in Medicine 1998;17:857-872, table I, method 3 (Wilson).
    [G] Garwood F, Biometrika 1936;28:437-442: exact limits of a Poisson count.
    [P] PHEindicatormethods (UK Health Security Agency), documented examples of Byar's and
        Wilson's limits.
    [S] Stark CR, Mantell N, J Natl Cancer Inst 1966;37:687-698: Down's syndrome by maternal
        age and birth order, Michigan 1950-1964; as standardised in Fleiss JL, Statistical
        Methods for Rates and Proportions, 1981, table 14.4, and Fay MP, Feuer EJ, Statistics
        in Medicine 1997;16:791-801.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipelines.epidemiology import (
    byar_limits,
    crude_rate,
    directly_standardised_rate,
    funnel_limits,
    indirectly_standardised,
    merged_weights,
    poisson,
    read_standard_population,
    wilson,
)

STANDARD_FILE = (
    Path(__file__).parents[2] / "data" / "reference" / "european_standard_population_2013.csv"
)


@pytest.mark.parametrize(
    ("numerator", "denominator", "lower", "upper", "places"),
    [
        (81, 263, 0.2553, 0.3662, 4),  # [W]
        (15, 148, 0.0624, 0.1605, 4),  # [W]
        (0, 20, 0.0000, 0.1611, 4),  # [W]
        (1, 29, 0.0061, 0.1718, 4),  # [W]
        (65, 100, 0.552544, 0.736358, 6),  # [P]
    ],
)
def test_wilson(numerator: int, denominator: int, lower: float, upper: float, places: int) -> None:
    got = wilson(numerator, denominator)
    assert got.value == numerator / denominator
    assert got.lower is not None
    assert got.upper is not None
    assert round(got.lower, places) == lower
    assert round(got.upper, places) == upper


@pytest.mark.parametrize(
    ("count", "lower", "upper"),
    [
        (0, 0.0, 3.689),  # [G] and, to three decimals, every table of Poisson limits since
        (1, 0.025, 5.572),
        (2, 0.242, 7.225),
        (5, 1.623, 11.668),
        (9, 4.115, 17.085),
    ],
)
def test_few_events_have_exact_limits(count: int, lower: float, upper: float) -> None:
    got = poisson(count)
    assert got.lower == pytest.approx(lower, abs=5e-4)
    assert got.upper == pytest.approx(upper, abs=5e-4)


def test_many_events_have_byars_limits() -> None:
    got = poisson(65)  # [P]
    assert got.lower == pytest.approx(50.163188, abs=5e-7)
    assert got.upper == pytest.approx(82.849139, abs=5e-7)


def test_ten_events_are_many_and_nine_are_few() -> None:
    lower, upper = byar_limits([9, 10])
    assert poisson(10).lower == lower[1]
    assert poisson(10).upper == upper[1]
    assert poisson(9).lower != lower[0]


def test_crude_rate() -> None:
    got = crude_rate(5, 100, multiplier=100)  # [P]
    assert got.value == 5.0
    assert got.lower == pytest.approx(1.623486, abs=5e-7)
    assert got.upper == pytest.approx(11.668332, abs=5e-7)


# [S]: births and cases by maternal age under 20, 20-24, 25-29, 30-34, 35-39, 40 and over.
ALL_BIRTHS = [319_933, 931_318, 786_511, 488_235, 237_863, 61_313]
FIRST_BORN = [230_061, 329_449, 114_920, 39_487, 14_208, 3_052]
FIRST_CASES = [107, 141, 60, 40, 39, 25]
FIFTH_BORN = [327, 30_666, 123_419, 149_919, 104_088, 34_392]
FIFTH_CASES = [0, 8, 63, 112, 262, 295]


@pytest.mark.parametrize(
    ("cases", "births", "crude", "adjusted"),
    [(FIRST_CASES, FIRST_BORN, 56.3, 92.3), (FIFTH_CASES, FIFTH_BORN, 167.1, 75.5)],
)
def test_direct_standardisation(
    cases: list[int], births: list[int], crude: float, adjusted: float
) -> None:
    rate = crude_rate(sum(cases), sum(births), 100_000)
    got = directly_standardised_rate(cases, births, ALL_BIRTHS, 100_000)
    assert rate.value is not None
    assert got.value is not None
    assert round(rate.value, 1) == crude
    assert round(got.value, 1) == adjusted


def test_direct_standardisation_to_all_printed_digits() -> None:
    got = directly_standardised_rate(FIFTH_CASES, FIFTH_BORN, ALL_BIRTHS, 100_000)
    assert got.value == pytest.approx(75.52901, abs=5e-6)


def test_dobsons_limits_shift_and_scale_those_of_the_count() -> None:
    """Dobson et al. 1991: T ± sqrt(var(T)/X)·(limits of X - X), worked by hand here."""
    share = [births / sum(ALL_BIRTHS) for births in ALL_BIRTHS]
    parts = list(zip(share, FIFTH_CASES, FIFTH_BORN, strict=True))
    rate = sum(w * o / n for w, o, n in parts)
    variance = sum(w**2 * o / n**2 for w, o, n in parts)
    events = sum(FIFTH_CASES)
    low, high = byar_limits([events])
    scale = (variance / events) ** 0.5
    got = directly_standardised_rate(FIFTH_CASES, FIFTH_BORN, ALL_BIRTHS, 100_000)
    assert got.lower == pytest.approx(1e5 * (rate + scale * (low[0] - events)), rel=1e-12)
    assert got.upper == pytest.approx(1e5 * (rate + scale * (high[0] - events)), rel=1e-12)


def test_indirect_standardisation() -> None:
    """Expected counts by hand from [S]: the other birth orders' rates on the first born."""
    all_cases = [136, 396, 411, 428, 628, 530]
    expected = sum(n * c / b for n, c, b in zip(FIRST_BORN, all_cases, ALL_BIRTHS, strict=True))
    ratio = indirectly_standardised(
        FIRST_CASES, FIRST_BORN, all_cases, ALL_BIRTHS, 100, result="ratio"
    )
    assert ratio.observed == 412
    assert ratio.expected == pytest.approx(expected, rel=1e-12)
    assert ratio.value == pytest.approx(100 * 412 / expected, rel=1e-12)
    rate = indirectly_standardised(412, FIRST_BORN, all_cases, ALL_BIRTHS, 100_000)
    crude = 1e5 * sum(all_cases) / sum(ALL_BIRTHS)
    assert rate.value == pytest.approx(crude * 412 / expected, rel=1e-12)
    assert rate.lower == pytest.approx(crude * byar_limits([412])[0][0] / expected, rel=1e-12)


def test_standard_population_is_eurostats() -> None:
    """Eurostat 2013: 100 000 in all, 5 000 under five, 5 000 aged 80 and over."""
    standard = read_standard_population(STANDARD_FILE)
    groups = pl.DataFrame({"age_from": [0, 0, 15, 80], "age_to": [199, 4, 17, 199]})
    weights = merged_weights(standard, groups).to_list()
    assert weights == pytest.approx([100_000, 5_000, 3_300, 5_000])


def test_funnel_limits() -> None:
    """Of a share 0.5 in 100: 0.5 ± 1.96·0.05; of 5 expected: the exact limits of five."""
    share = funnel_limits(0.5, [100], "proportion")
    assert share.lower_95[0] == pytest.approx(0.5 - 1.959964 * 0.05, abs=1e-6)
    assert share.upper_998[0] == pytest.approx(0.5 + 3.090232 * 0.05, abs=1e-6)
    rate = funnel_limits(50.0, [100], "rate", multiplier=1000)
    assert rate.lower_95[0] == pytest.approx(16.23486, abs=5e-5)
    assert rate.upper_95[0] == pytest.approx(116.68332, abs=5e-5)
