"""Laws that the parts of the synthetic region obey for any input."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from anonymization.identifiers import classify
from pipelines.synthetic.days import FAR, first_day, off_changing_hours, summer_offset
from pipelines.synthetic.draws import (
    choose_in_rows,
    coded,
    identified,
    largest_remainder,
    logit_shift,
    pick_by_group,
)
from pipelines.synthetic.identities import national_numbers
from pipelines.synthetic.json_lines import Maybe, Present, Raw, Text, json_line
from pipelines.synthetic.listed import Basis
from pipelines.synthetic.model import SyntheticSettings
from pipelines.synthetic.places import load_places
from pipelines.synthetic.population import simulate, targets
from pipelines.synthetic.primary_care import make_offices
from pipelines.synthetic.spells import Spells, without_overlap

intervals = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-50, 50), st.integers(0, 20)), min_size=1, max_size=40
)


def arrays(rows: list[tuple[int, ...]]) -> list[np.ndarray]:
    return [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]


@given(intervals)
def test_kept_intervals_never_touch_and_the_first_is_kept(rows: list[tuple[int, int, int]]) -> None:
    person, begin, length = arrays(rows)
    end = begin + length
    keep = without_overlap(person, begin, end)
    for one in np.unique(person):
        mine = np.flatnonzero((person == one) & keep)
        assert mine.size > 0
        ordered = mine[np.argsort(begin[mine])]
        assert (begin[ordered][1:] > end[ordered][:-1]).all()
        assert begin[mine].min() == begin[person == one].min()


@given(intervals, st.lists(st.tuples(st.integers(0, 4), st.integers(-60, 80)), max_size=30))
def test_lookup_finds_what_a_search_of_all_spells_finds(
    rows: list[tuple[int, int, int]], asked: list[tuple[int, int]]
) -> None:
    person, begin, length = arrays(rows)
    keep = without_overlap(person, begin, begin + length)
    person, begin, end = person[keep], begin[keep], (begin + length)[keep]
    death = np.array([10, FAR, 0, FAR, FAR])
    place = np.arange(person.size)
    spells = Spells.build(person, begin, end, place, death)
    for who, day in asked:
        held = (person == who) & (begin <= day) & (np.minimum(end, death[person]) > day)
        wanted = place[held][0] if held.any() else -1
        assert spells.place_on(np.array([who]), np.array([day]))[0] == wanted


@given(
    hnp.arrays(np.float64, (5, 4), elements=st.floats(0.01, 1000)),
    hnp.arrays(np.int64, 5, elements=st.integers(0, 10_000)),
)
def test_largest_remainder_adds_up_and_is_never_off_by_one(
    shares: np.ndarray, totals: np.ndarray
) -> None:
    whole = largest_remainder(shares, totals)
    assert (whole.sum(axis=1) == totals).all()
    exact = shares / shares.sum(axis=1, keepdims=True) * totals[:, None]
    assert (np.abs(whole - exact) < 1 + 1e-6).all()


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1)), min_size=1, max_size=50))
def test_pick_by_group_takes_the_smallest(rows: list[tuple[int, float]]) -> None:
    group = np.array([g for g, _ in rows], dtype=np.int64)
    key = np.array([k for _, k in rows])
    wanted = np.array([0, 1, 2, 3, 100])
    marked = pick_by_group(group, key, wanted)
    for one in range(5):
        mine, taken = key[group == one], key[(group == one) & marked]
        assert taken.size == min(wanted[one], mine.size)
        if taken.size:
            assert taken.max() <= np.sort(mine)[taken.size - 1]


def test_choose_in_rows_follows_the_weights() -> None:
    weights = np.array([[0.2, 0.0, 0.8], [0.0, 1.0, 0.0]])
    drawn = choose_in_rows(np.random.default_rng(1), weights, np.repeat([0, 1], 20_000))
    assert (drawn[20_000:] == 1).all()
    assert np.bincount(drawn[:20_000], minlength=3) / 20_000 == pytest.approx(
        [0.2, 0.0, 0.8], abs=0.02
    )


@given(st.lists(st.one_of(st.none(), st.text(st.characters(codec="utf-8"))), min_size=1))
def test_any_text_comes_back_from_a_line(texts: list[str | None]) -> None:
    frame = pl.DataFrame(
        {"a": texts, "n": range(len(texts))}, schema={"a": pl.String, "n": pl.Int64}
    )
    template = {"n": Raw("n"), "x": {"y": [1]}, "a": Maybe("a", Text("a", free=True))}
    lines = frame.select(json_line(template).alias("line"))["line"].to_list()
    assert not any("\n" in line for line in lines)
    for number, (line, text) in enumerate(zip(lines, texts, strict=True)):
        wanted = {"n": number, "x": {"y": [1]}} | ({} if text is None else {"a": text})
        assert json.loads(line) == wanted


def test_templates_refuse() -> None:
    with pytest.raises(ValueError, match="first key"):
        json_line({"a": Maybe("a", 1)})
    with pytest.raises(TypeError, match="object"):
        json_line({"a": object()})


@given(
    st.lists(
        st.tuples(st.integers(-25_000, 20_400), st.integers(0, 1), st.booleans()),
        min_size=1,
        max_size=60,
    )
)
def test_national_numbers_are_valid_unique_and_of_the_birth_date(rows: list[tuple]) -> None:
    birth, sex = arrays([row[:2] for row in rows])
    d_number = np.array([row[2] for row in rows])
    numbers = national_numbers(birth, sex, d_number)
    assert numbers.n_unique() == len(rows)
    judged = classify(numbers, "test")
    assert judged["reason"].null_count() == len(rows)
    wanted = np.where(d_number, "synthetic_tenor_d_number", "synthetic_tenor")
    assert judged["kind"].to_list() == wanted.tolist()
    third = numbers.str.slice(8, 1).cast(pl.Int64).to_numpy()
    assert (third % 2 == sex).all()


@pytest.mark.parametrize("persons", [150, 195])
def test_a_crowd_is_born_on_one_day(persons: int) -> None:
    birth = np.repeat(np.arange(10_000, 10_040), persons)
    none = np.zeros(birth.size, dtype=np.int64)
    numbers = national_numbers(birth, none, none.astype(np.bool_))
    assert numbers.n_unique() == birth.size
    assert classify(numbers, "test")["reason"].null_count() == birth.size


def test_a_day_has_room_for_so_many() -> None:
    crowd = np.full(400, 10_000, dtype=np.int64)
    with pytest.raises(ValueError, match="no free number"):
        national_numbers(crowd, np.zeros(400, dtype=np.int64), np.zeros(400, dtype=np.bool_))


@pytest.mark.parametrize(
    ("date", "hours"),
    [
        ("2024-03-30", 1), ("2024-03-31", 2), ("2024-10-26", 2), ("2024-10-27", 1),
        ("2025-03-29", 1), ("2025-03-30", 2), ("2025-10-25", 2), ("2025-10-26", 1),
    ],
)  # fmt: skip
def test_summer_time(date: str, hours: int) -> None:
    day = np.array([date], dtype="datetime64[D]").astype(np.int64)
    assert summer_offset(day)[0] == hours
    changing = date in {"2024-03-31", "2024-10-27", "2025-03-30", "2025-10-26"}
    assert off_changing_hours(day, np.array([60]))[0] == (240 if changing else 60)
    assert off_changing_hours(day, np.array([180]))[0] == 180


PLACES = load_places()


@settings(max_examples=60)
@given(st.floats(1e-5, 0.003), st.integers(0, 10**6), st.integers(1, 4), st.integers(2024, 2026))
def test_every_year_begins_with_the_persons_it_should(
    scale: float, seed: int, years: int, end_year: int
) -> None:
    chosen = SyntheticSettings(scale=scale, seed=seed, years=years, end_year=end_year)
    population, spells = simulate(chosen, PLACES)
    for year in [*chosen.window, chosen.end_year + 1]:
        person, place = spells.residents(first_day(year))
        assert np.unique(person).size == person.size
        counted = np.bincount(place, minlength=len(PLACES.codes))
        assert (counted == targets(chosen, PLACES, year)).all()
    assert (spells.begin < spells.end).all()
    assert (spells.begin >= population.birth[spells.person]).all()


@given(st.lists(st.one_of(st.none(), st.text(st.characters(codec="utf-8"))), min_size=1))
def test_absent_values_of_a_list_leave_no_trace(texts: list[str | None]) -> None:
    frame = pl.DataFrame({"a": texts, "b": texts[::-1]}, schema={"a": pl.String, "b": pl.String})
    some = Present((Maybe("a", Text("a", free=True)), Maybe("b", {"c": Text("b", free=True)})))
    lines = frame.select(json_line({"list": some}).alias("line"))["line"].to_list()
    for line, first, second in zip(lines, texts, texts[::-1], strict=True):
        wanted = [*([] if first is None else [first]), *([] if second is None else [{"c": second}])]
        assert json.loads(line) == {"list": wanted}


@given(st.floats(0.01, 0.99), st.floats(-4, 4))
def test_a_share_moved_on_the_log_odds_scale_stays_a_share(share: float, shift: float) -> None:
    moved = float(logit_shift(share, np.array([shift]))[0])
    assert 0 < moved < 1
    assert (moved > share) == (shift > 0) or moved == pytest.approx(share)
    assert float(logit_shift(moved, np.array([-shift]))[0]) == pytest.approx(share)


@given(st.lists(st.integers(0, 2), max_size=30))
def test_coded_names_are_the_names(index: list[int]) -> None:
    names = ("fall", "æøå", "entered-in-error")
    made = coded(names, np.array(index, dtype=np.int64))
    assert made.dtype == pl.Enum(names)
    assert made.to_list() == [names[i] for i in index]
    ids = identified("obs-", len(index)).to_list()
    assert ids == [f"obs-{number:08d}" for number in range(len(index))]


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_persons_listed_in_a_year_have_a_live_office_in_it(seed: int) -> None:
    chosen = SyntheticSettings(scale=0.002, seed=seed, years=2)
    population, spells = simulate(chosen, PLACES)
    offices = make_offices(chosen, PLACES, population.birth.size)
    basis = Basis(chosen, PLACES, population, spells, offices)
    rng = np.random.default_rng(seed)
    for year in chosen.window:
        person, _ = basis.listed(year)
        assert (np.diff(person) > 0).all()
        who, days, office = basis.events(rng, year, person, np.full(person.size, 2.0))
        assert np.isin(who, person).all()
        assert (offices.live[office] <= days).all()
        assert (spells.place_on(who, days) >= 0).all()
        assert ((days >= first_day(year)) & (days < first_day(year + 1))).all()
        # Whoever is left out has no event at a live office on any day.
        out = np.setdiff1d(np.arange(population.birth.size), person)
        days = np.full(out.size, first_day(year) + 200)
        assert (basis.at_office(out, days) < 0).all()
