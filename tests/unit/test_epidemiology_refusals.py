"""What the functions refuse, and how they say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipelines.epidemiology import (
    crude_rate,
    crude_rate_frame,
    directly_standardised_rate,
    funnel_frame,
    funnel_limits,
    indirectly_standardised,
    merged_weights,
    poisson,
    proportion_frame,
    read_standard_population,
    versus_reference,
    wilson,
)
from pipelines.epidemiology.intervals import poisson_limits

ESP = pl.DataFrame({"age_from": [0, 5], "weight": [10.0, 20.0]})


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: wilson(5, 4), "use a rate instead"),
        (lambda: wilson(-1, 4), "not negative"),
        (lambda: poisson(-1), "not negative"),
        (lambda: poisson(3, 95), "share between 0 and 1"),
        (lambda: poisson(3, 1.0), "share between 0 and 1"),
        (lambda: crude_rate(3, 0), "not positive though they have events"),
        (lambda: directly_standardised_rate([9, 9], [10, 0], [1, 1]), "events but no population"),
        (lambda: directly_standardised_rate([9, 9], [10], [1, 1]), "one length"),
        (lambda: directly_standardised_rate([9, 9], [10, 10], [0, 0]), "positive number"),
        (
            lambda: directly_standardised_rate(
                [9, 9], [10, 10], [1, 1], persons_by_events={1: [9, 8]}
            ),
            "does not add up",
        ),
        (
            lambda: directly_standardised_rate(
                [9], [10], [1], persons_by_events={1: [9]}, variances=[9]
            ),
            "not both",
        ),
        (lambda: indirectly_standardised(5, [1, 2], [1], [1]), "one length"),
        (lambda: indirectly_standardised(5, [1, 2], [1, 1], [1, 0]), "reference population"),
        (lambda: funnel_limits(0.1, [10], "mean"), "expected 'proportion' or 'rate'"),
        (
            lambda: merged_weights(ESP, pl.DataFrame({"age_from": [6], "age_to": [9]})),
            "above age 5",
        ),
    ],
)
def test_refuses(call: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()


def test_without_population_there_is_no_figure() -> None:
    for got in (wilson(0, 0), crude_rate(0, 0)):
        assert (got.value, got.lower, got.upper) == (None, None, None)
        assert got.reason == "no_population"
    nothing = indirectly_standardised(0, [0.0], [5], [10])
    assert nothing.value is None
    assert nothing.reason == "no_population"


def test_a_band_without_events_counts_zero_whatever_its_population() -> None:
    full = directly_standardised_rate([20, 0], [100, 50], [1, 1])
    empty = directly_standardised_rate([20, 0], [100, 0], [1, 1])
    assert full == empty
    assert full.value == pytest.approx(0.1)


def test_nine_events_are_too_few_and_ten_enough() -> None:
    assert directly_standardised_rate([9], [100], [1]).reason == "too_few_events"
    assert directly_standardised_rate([10], [100], [1]).reason is None


def test_series_with_a_null_stays_unknown() -> None:
    lower, upper = poisson_limits(pl.Series([3.0, None]))
    assert lower[0] > 0
    assert str(lower[1]) == "nan"
    assert str(upper[1]) == "nan"


def test_frames_keep_rows_and_null_what_is_refused() -> None:
    frame = pl.DataFrame({"numerator": [5.0, 0.0], "denominator": [100.0, 0.0], "unit": [100, 10]})
    rates = crude_rate_frame(frame, multiplier="unit")
    shares = proportion_frame(frame, multiplier="unit")
    assert rates["value"].to_list() == [5.0, None]
    assert rates["reason"].to_list() == [None, "no_population"]
    assert shares["value"].to_list() == [5.0, None]
    assert shares["lower"][1] is None


def test_funnel_of_an_unknown_size_is_null() -> None:
    frame = pl.DataFrame({"average": [10.0, 10.0], "size": [100.0, None]})
    got = funnel_frame(frame, average="average", denominator="size", kind="rate", multiplier=100.0)
    assert got["funnel_lower_95"].null_count() == 1
    assert got["funnel_upper_998"][0] > 10.0


def test_versus_reference() -> None:
    frame = pl.DataFrame(
        {
            "low": [1.0, 3.0, 1.0, 2.0, None],
            "high": [1.5, 4.0, 3.0, 4.0, 3.0],
            "region": [2.0, 2.0, 2.0, 2.0, 2.0],
        }
    )
    verdicts = frame.select(versus_reference("low", "high", "region")).to_series().to_list()
    assert verdicts == ["lower", "higher", "similar", "similar", "not_compared"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("age_from,age_to\n0,4\n", r"columns \['weight'\] are missing"),
        ("age_from,age_to,weight\n0,4,1\n6,199,1\n", "1 bands do not begin where"),
    ],
)
def test_standard_population_is_checked(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "standard.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=says):
        read_standard_population(file)
