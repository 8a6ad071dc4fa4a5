"""Comparisons and boundaries of dates and times against a plain model of spans, in Python.

The model holds a value as the first and last microsecond that it can mean; values are drawn at
every precision and in several zones.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ingest.views.temporal import boundary_sql, compared_sql, decimal_boundary_sql
from pipelines.ingest.views.values import literal_sql

ONE = timedelta(microseconds=1)
ZONES = ["", "Z", "+01:00", "-05:30", "+14:00"]
_days = st.dates(date(1999, 12, 30), date(2000, 3, 2))


@st.composite
def moments(draw: st.DrawFn) -> str:
    """A FHIR dateTime of any precision, near others so that they meet."""
    day = draw(_days)
    clock = f"{draw(st.integers(0, 23)):02}:{draw(st.integers(0, 59)):02}"
    seconds = draw(st.sampled_from(["00", "30", "59", "30.5", "30.500", "59.999"]))
    zone = draw(st.sampled_from(ZONES))
    return draw(
        st.sampled_from(
            [
                f"{day:%Y}",
                f"{day:%Y-%m}",
                f"{day}",
                f"{day}T{clock}{zone}",
                f"{day}T{clock}:{seconds}{zone}",
            ]
        )
    )


def span(text: str) -> tuple[datetime, datetime, bool]:
    """First and last microsecond (UTC where there is a zone), and whether there is one."""
    zone = re.search(r"(Z|[+-]\d\d:\d\d)$", text) if "T" in text else None
    core = text.removesuffix(zone[1]) if zone else text
    parts = [int(part) for part in re.split(r"[-T:.]", core)[:6]]
    first = datetime(*(parts + [1, 1, 0, 0, 0][len(parts) - 1 :])[:6], tzinfo=UTC)  # type: ignore[misc]
    if "." in core:
        first += timedelta(seconds=float("0." + core.partition(".")[2]))
    after = {
        1: first.replace(year=first.year + 1),
        2: (first + timedelta(days=32)).replace(day=1),
        3: first + timedelta(days=1),
        5: first + timedelta(minutes=1),
        6: first + ONE,
    }[len(parts)]
    shift = timedelta()
    if zone and zone[1] != "Z":
        minutes = int(zone[1][1:3]) * 60 + int(zone[1][4:])
        shift = timedelta(minutes=-minutes if zone[1][0] == "+" else minutes)
    return first + shift, after - ONE + shift, zone is not None


def model(operator: str, left: str, right: str) -> bool | None:
    """What FHIRPath says, as far as anything is known."""
    a, b = span(left), span(right)
    if a[2] != b[2]:
        early, late = timedelta(hours=14), timedelta(hours=12)
        a, b = (s if s[2] else (s[0] - early, s[1] + late, False) for s in (a, b))
    before, after, same = a[1] < b[0], a[0] > b[1], a[:2] == b[:2]
    if not (before or after or same):
        return None
    return {
        "=": same,
        "!=": not same,
        "<": before,
        "<=": before or same,
        ">": after,
        ">=": after or same,
    }[operator]


@settings(max_examples=20)
@given(left=moments(), right=moments())
def test_moments_compare_as_spans(left: str, right: str) -> None:
    operators = ["=", "!=", "<", "<=", ">", ">="]
    queries = [
        compared_sql(operator, literal_sql(left), literal_sql(right), False, ("x1", "x2"))
        for operator in operators
    ]
    with duckdb.connect() as con:
        got = con.sql(f"SELECT {', '.join(queries)}").fetchall()[0]
    assert got == tuple(model(operator, left, right) for operator in operators)


@settings(max_examples=20)
@given(text=moments().filter(lambda text: "." not in text))
def test_boundaries_are_the_ends_of_the_span(text: str) -> None:
    low, high = (boundary_sql(literal_sql(text), "dateTime", end, "t") for end in (False, True))
    with duckdb.connect() as con:
        got = [
            datetime.fromisoformat(end) for end in con.sql(f"SELECT {low}, {high}").fetchall()[0]
        ]
    first, last, zoned = span(text)
    if not zoned:
        first, last = first - timedelta(hours=14), last + timedelta(hours=12)
    # To the millisecond, of which a whole second has a thousand, though it compares as a point.
    end = last + ONE if re.search(r"T\d\d:\d\d:", text) is None else last + timedelta(seconds=1)
    assert got == [first, end - timedelta(milliseconds=1)]


@pytest.mark.parametrize(
    ("operator", "left", "right"),
    [
        ("<", "2000", "2000-06"),  # text: true; nobody knows
        ("=", "2000-01-01T01:00:00+01:00", "2000-01-01T00:00:00Z"),  # text: false; the same moment
        ("<", "2000-01-01T23:30:00-05:00", "2000-01-02T03:00:00Z"),  # text: true; it is later
    ],
)
def test_twin_dates_as_text_compare_wrongly(operator: str, left: str, right: str) -> None:
    query = compared_sql(operator, literal_sql(left), literal_sql(right), False, ("x1", "x2"))
    with duckdb.connect() as con:
        ours, text = con.sql(f"SELECT {query}, '{left}' {operator} '{right}'").fetchall()[0]
    assert ours == model(operator, left, right)
    assert ours != text


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("1", 0.5, 1.5),
        ("1.0", 0.95, 1.05),
        ("-1.00", -1.005, -0.995),
        ("0.001", 0.0005, 0.0015),
        ("1e2", 50.0, 150.0),
        ("1.50E-2", 0.01495, 0.01505),
    ],
)
def test_a_decimal_is_half_of_its_last_digit_wide(text: str, low: float, high: float) -> None:
    ends = [decimal_boundary_sql(literal_sql(text), end, "t") for end in (False, True)]
    with duckdb.connect() as con:
        assert con.sql(f"SELECT {', '.join(ends)}").fetchall() == [(low, high)]
