"""Attacks on the written files of the demonstration's release, and the same on files left open.

Every attack has a twin that must succeed where suppression is switched off: all of it, or only the
part that protects other cells.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from pipelines.assets.doors import read_warehouse
from pipelines.assets.release import read_marts
from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.model import Indicator
from pipelines.synthetic import Region
from tests.support.attacks import (
    REST,
    Cell,
    Knowledge,
    ages_of,
    knowledge_of,
    lent,
    less_than_registered,
    linked,
    quantities_of,
    read_values,
    small_in_view,
    told_elsewhere,
)
from tests.support.demo_run import Demo
from tests.support.demo_truth import truth_of

FIGURE = ["indicator_id", "area_code", "sex", "age_group", "year"]
LEAST = 5
LEAST_STAFF = 3
MADE_BY_STAFF = ["structured_documentation_share", "documented_same_day_share"]
WIDTH = 3.0
SHARE_OF_DAYS = 0.15
SAMPLE = 40
SEED = 20231103


@pytest.fixture(scope="module")
def specs() -> dict[str, Indicator]:
    """Indicators about persons; public knowledge and control counts are not protected."""
    return {
        spec.id: spec
        for spec in catalogue().indicators.values()
        if spec.policy not in ("public_facts", "go_live_counts")
    }


@pytest.fixture(scope="module")
def release(demo: Demo) -> Path:
    return demo.home.zones.published / "current"


@pytest.fixture(scope="module")
def truth(demo: Demo, specs: dict[str, Indicator]) -> pl.DataFrame:
    return truth_of(demo.home.zones, specs.values())


@pytest.fixture(scope="module")
def persons(demo: Demo, specs: dict[str, Indicator]) -> pl.DataFrame:
    """Persons behind every figure that the strata give exactly: in numerator and complement."""
    counts = read_marts(demo.home.zones).indicator_counts
    counts = counts.with_columns(year=pl.col("period_start").dt.year())
    frames = []
    for spec in specs.values():
        own = counts.filter(pl.col("indicator_id") == spec.id)
        both = pl.concat([own, own.with_columns(sex=pl.lit("total"))])
        for label, (low, high) in ages_of(spec).items():
            inside = both.filter(pl.col("age_from") >= low, pl.col("age_to") <= high)
            frames.append(
                inside.group_by("indicator_id", "area_code", "sex", "year")
                .agg(pl.col("numerator_persons", "complement_persons").sum())
                .with_columns(age_group=pl.lit(label))
            )
    return pl.concat(frames)


@pytest.fixture(scope="module")
def values(release: Path, specs: dict[str, Indicator]) -> pl.DataFrame:
    return protected_only(read_values(release), specs)


def protected_only(values: pl.DataFrame, specs: Mapping[str, Indicator]) -> pl.DataFrame:
    of_persons = values.filter(pl.col("indicator_id").is_in(list(specs)))
    return of_persons.with_columns(year=pl.col("period_start").dt.year())


def reopened(values: pl.DataFrame, truth: pl.DataFrame, which: pl.Expr) -> pl.DataFrame:
    """The figures with suppression switched off for some, which then show the truth."""
    known = truth.select(*FIGURE, "numerator", "denominator", "value", "numerator_persons")
    joined = values.join(known, on=FIGURE, how="left", suffix="_true")
    now = (
        (pl.col("value_kind") == "crude")
        & (pl.col("status_reason") == "disclosure")
        & pl.col("numerator_true").is_not_null()
        & which
    ).fill_null(value=False)
    numbers = ("numerator", "denominator", "value")
    return joined.with_columns(
        *(pl.when(now).then(f"{name}_true").otherwise(name).alias(name) for name in numbers),
        value_status=pl.when(now).then(pl.lit("ok")).otherwise("value_status"),
        status_reason=pl.when(~now).then("status_reason"),
    ).select(values.columns)


@pytest.fixture(scope="module")
def files_left_open(
    release: Path, truth: pl.DataFrame, specs: dict[str, Indicator], tmp_path_factory
) -> Path:
    """A copy of the release's files in which nothing is suppressed for disclosure."""
    folder = tmp_path_factory.mktemp("open") / "release"
    shutil.copytree(release.resolve(), folder)
    values = read_values(folder).with_columns(year=pl.col("period_start").dt.year())
    opened = reopened(values, truth, pl.lit(value=True)).drop("year")
    opened.write_parquet(folder / "indicator_values.parquet")
    return folder


def truth_cells(
    truth: pl.DataFrame, specs: Mapping[str, Indicator], year: int
) -> dict[Cell, float]:
    """True numbers of every cell of one year."""
    cells: dict[Cell, float] = {}
    for row in truth.filter(pl.col("year") == year).iter_rows(named=True):
        spec = specs.get(row["indicator_id"])
        if spec is None or row["numerator"] is None:
            continue
        place = (row["area_code"], row["sex"], *ages_of(spec)[row["age_group"]])
        for role, quantity in quantities_of(spec).items():
            number = row["denominator"] - row["numerator"] if role == "complement" else row[role]
            cells[(quantity, *place)] = number
    return cells


def all_knowledge(values: pl.DataFrame, specs: Mapping[str, Indicator]) -> list[Knowledge]:
    return [told for group in linked(list(specs.values())) for told in knowledge_of(values, group)]


Trues = Mapping[int, Mapping[Cell, float]]
"""True numbers of every cell by year."""


@pytest.fixture(scope="module")
def trues(truth: pl.DataFrame, specs: dict[str, Indicator]) -> Trues:
    return {year: truth_cells(truth, specs, year) for year in truth["year"].unique()}


@pytest.fixture(scope="module")
def known(values: pl.DataFrame, specs: dict[str, Indicator]) -> list[Knowledge]:
    """What the files tell."""
    return all_knowledge(values, specs)


@pytest.fixture(scope="module")
def known_where_small_hide(
    values: pl.DataFrame, truth: pl.DataFrame, specs: dict[str, Indicator]
) -> list[Knowledge]:
    """What the files would tell if only small cells were hidden."""
    small = pl.col("numerator_persons").is_between(1, LEAST - 1)
    return all_knowledge(reopened(values, truth, ~small), specs)


def recovered(
    known: Sequence[Knowledge], trues: Trues, specs: Mapping[str, Indicator]
) -> dict[tuple[int, Cell], int]:
    """Cells worked out exactly that the files hide, or small ones beside cells in view."""
    found = {}
    beside = lent(list(specs.values()))
    for told in known:
        true = trues[told.year]
        for cell, number in told.solved().items():
            # What follows from the files is so: an attack that errs would prove nothing.
            assert cell not in true or abs(number - true[cell]) < 1e-6, (told.year, cell)
            secret = " - " not in cell[0] and (cell[0], *cell[3:]) not in beside
            if secret or 0 < number < LEAST:
                found[told.year, cell] = number
    return found


def test_no_small_count_in_view(values: pl.DataFrame, specs: dict[str, Indicator]) -> None:
    assert values.filter(pl.col("value_status") == "ok").height > 1000
    assert small_in_view(values, specs, LEAST).is_empty()


def test_small_counts_are_seen_where_nothing_is_hidden(
    files_left_open: Path, specs: dict[str, Indicator]
) -> None:
    opened = protected_only(read_values(files_left_open), specs)
    # Two have no small count in a region of this size.
    assert small_in_view(opened, specs, LEAST)["indicator_id"].n_unique() >= len(specs) - 2


def few_persons(values: pl.DataFrame, truth: pl.DataFrame, persons: pl.DataFrame) -> pl.DataFrame:
    """Shown figures behind which, or beside which, stand one to four persons."""
    shown = values.filter(pl.col("value_status") == "ok")
    joined = shown.join(truth, on=FIGURE, suffix="_true").join(
        persons, on=FIGURE, how="left", suffix="_mart"
    )
    # Behind a figure that employees make, the truth counts employees: three of them are enough.
    least = pl.when(pl.col("indicator_id").is_in(MADE_BY_STAFF)).then(LEAST_STAFF).otherwise(LEAST)
    few = pl.col("numerator_persons").is_between(1, least - 1)
    return joined.filter(few | pl.col("complement_persons").is_between(1, LEAST - 1))


def test_no_figure_rests_on_few_persons(
    values: pl.DataFrame, truth: pl.DataFrame, persons: pl.DataFrame, files_left_open: Path,
    specs: dict[str, Indicator],
) -> None:  # fmt: skip
    assert few_persons(values, truth, persons).is_empty()
    opened = protected_only(read_values(files_left_open), specs)
    assert few_persons(opened, truth, persons).height > 100


def test_a_hidden_figure_is_hidden_everywhere(
    release: Path, values: pl.DataFrame, truth: pl.DataFrame
) -> None:
    comparisons = pl.read_parquet(release / "comparisons.parquet")
    everything = read_values(release)
    assert told_elsewhere(everything, comparisons).is_empty()
    # The twin: the crude count of a figure is hidden, its other kinds and comparisons stay.
    careless = everything.with_columns(
        value_status=pl.when((pl.col("value_kind") == "crude") & (pl.col("age_group") == "total"))
        .then(pl.lit("suppressed"))
        .otherwise("value_status")
    )
    told = set(told_elsewhere(careless, comparisons)["where"])
    assert {"direct_region", "indirect", "comparisons", "flags"} <= told


def test_nothing_hidden_can_be_solved_for(
    known: list[Knowledge], trues: Trues, specs: dict[str, Indicator]
) -> None:
    assert recovered(known, trues, specs) == {}


def test_hidden_cells_are_solved_for_where_only_small_ones_hide(
    known_where_small_hide: list[Knowledge], trues: Trues, specs: dict[str, Indicator]
) -> None:
    found = recovered(known_where_small_hide, trues, specs)
    cells = [cell for _, cell in found if " - " not in cell[0]]
    assert len(cells) > 100
    # By subtracting a sex, and an age group, from their totals.
    assert {cell[2] for cell in cells} == {"total", "female", "male"}
    assert {" - " in cell[0] for _, cell in found} == {True, False}


def primary(told: Knowledge, true: Mapping[Cell, float]) -> list[Cell]:
    """Hidden cells of one to four: those that suppression is about."""
    return sorted(cell for cell in told.hidden if 0 < true.get(cell, 0) < LEAST)


def bounds(truth: pl.DataFrame, specs: Mapping[str, Indicator], year: int) -> dict[Cell, float]:
    """Populations, which are public: no more persons than live there."""
    most: dict[Cell, float] = {}
    for row in truth.filter(pl.col("year") == year).iter_rows(named=True):
        spec = specs.get(row["indicator_id"])
        if spec and spec.denominator.public and spec.kind == "proportion":
            place = (row["area_code"], row["sex"], *ages_of(spec)[row["age_group"]])
            if row["denominator"] is not None:
                most[(spec.numerator.measure, *place)] = row["denominator"]
    return most


def reach(told: Knowledge, cell: Cell, most: Mapping[Cell, float]) -> float:
    """How far a number can be from its least, by who lives there alone.

    Where one sex of a group is shown, the whole moves with the other one, and no further than that
    has inhabitants: of whom nothing is told then that is not public.
    """
    wholes = [equation for equation in told.equations if equation.get(cell) == 1]
    parts = [
        [part for part in whole if part != cell and part not in told.shown] for whole in wholes
    ]
    of_parts = [sum(most.get(part, WIDTH) for part in hidden) for hidden in parts if hidden]
    return min([most.get(cell, WIDTH), *of_parts])


@pytest.fixture(scope="module")
def mosts(truth: pl.DataFrame, specs: dict[str, Indicator]) -> Trues:
    return {year: bounds(truth, specs, year) for year in truth["year"].unique()}


def too_narrow(
    known: Sequence[Knowledge], trues: Trues, mosts: Trues, sample: int
) -> tuple[int, list[tuple[int, Cell]]]:
    """Of a seeded sample of small hidden cells, those told within less than the policy's width."""
    cells = []
    for told in known:
        true, most = trues[told.year], mosts[told.year]
        cells += [(told, cell, true[cell], most) for cell in primary(told, true)]
    drawn = random.Random(SEED).sample(cells, min(sample, len(cells)))
    narrow = []
    for told, cell, number, most in drawn:
        low, high = told.interval(cell, most)
        assert low - 1e-6 <= number <= high + 1e-6, (told.year, cell)
        days = cell[0].endswith("_days") or "_days -" in cell[0]
        # Where two persons live, "none to both" is all that uncertainty can be.
        wanted = SHARE_OF_DAYS * number if days else min(WIDTH, reach(told, cell, most))
        if high - low < wanted - 1e-6:
            narrow.append((told.year, cell))
    return len(drawn), narrow


def guessing(known: Sequence[Knowledge], trues: Trues) -> list[Knowledge]:
    """The same of readers who guess right how many persons the region has without a place."""
    return [told.guessing(trues[told.year]) for told in known]


def small_and_solved(known: Sequence[Knowledge]) -> dict[tuple[int, Cell], int]:
    """Cells of one to four that follow exactly and that the files hide."""
    return {
        (told.year, cell): number
        for told in known
        for cell, number in told.solved().items()
        if cell in told.hidden and 0 < number < LEAST
    }


def test_nothing_small_can_be_solved_for_by_who_guesses(
    known: list[Knowledge], known_where_small_hide: list[Knowledge], trues: Trues
) -> None:
    # The newest year, in which most is covered: equations of all areas are solved together.
    newest = max(trues)

    def of_newest(told: Sequence[Knowledge]) -> list[Knowledge]:
        return [one for one in told if one.year == newest]

    assert small_and_solved(guessing(of_newest(known), trues)) == {}
    # The twin: guesses tell more of what only the small cells hide.
    careless = of_newest(known_where_small_hide)
    assert len(small_and_solved(guessing(careless, trues))) > len(small_and_solved(careless)) > 0


def test_small_cells_stay_uncertain_beside_the_region(
    known: list[Knowledge], trues: Trues, mosts: Trues
) -> None:
    tried, narrow = too_narrow(guessing(known, trues), trues, mosts, SAMPLE)
    assert tried == SAMPLE
    assert narrow == []


def test_small_cells_are_told_where_only_they_hide(
    known_where_small_hide: list[Knowledge], trues: Trues, mosts: Trues
) -> None:
    _, narrow = too_narrow(known_where_small_hide, trues, mosts, SAMPLE)
    assert len(narrow) > 5


def left_over(known: Sequence[Knowledge]) -> list[tuple[int, Cell, float]]:
    """Region minus municipalities: what few persons outside all of them must have."""
    found = []
    for told in known:
        for equation in told.equations:
            rest = [cell for cell in equation if cell[1] == REST]
            if rest and all(cell in told.shown for cell in equation if cell[1] != REST):
                number = sum(
                    n * told.shown[cell] for cell, n in equation.items() if cell != rest[0]
                )
                if 0 < number < LEAST:
                    found.append((told.year, rest[0], number))
    return found


def test_nothing_small_is_left_of_the_region(
    known: list[Knowledge],
    values: pl.DataFrame,
    specs: dict[str, Indicator],
    truth: pl.DataFrame,
) -> None:
    assert left_over(known) == []
    # The twin: all municipalities in view, and a region with two persons more than they have.
    everything = reopened(values, truth, pl.lit(value=True))
    crude = everything.filter(pl.col("value_kind") == "crude")
    assert len(left_over(all_knowledge(_with_region_of(crude, more=2.0), specs))) > 10


def _with_region_of(values: pl.DataFrame, more: float) -> pl.DataFrame:
    """Figures whose region is the sum of the municipalities in view and some persons more."""
    key = ["indicator_id", "sex", "age_group", "year"]
    areas = values.filter(pl.col("area_level") == "municipality", pl.col("value_status") == "ok")
    sums = areas.group_by(key).agg(summed=pl.col("numerator").sum())
    region = (
        values.filter(pl.col("area_code") == "MIDT")
        .join(sums, on=key)
        .with_columns(numerator=pl.col("summed") + more, value_status=pl.lit("ok"))
        .drop("summed")
    )
    return pl.concat([areas, region.select(areas.columns)])


@pytest.fixture(scope="module")
def register(demo: Demo) -> pl.DataFrame:
    """The population register as anybody may look it up."""
    (path,) = (demo.home.zones.register / "synthetic").glob("population-*.parquet")
    return pl.read_parquet(path)


@pytest.fixture(scope="module")
def of_the_journal(demo: Demo) -> pl.DataFrame:
    """The release with the journal's own count of residents below its figures."""
    values = read_values(demo.home.zones.published / "current")
    counts = read_warehouse(demo.home.zones, "intermediate.int_resident_counts")
    both = pl.concat([counts, counts.with_columns(sex=pl.lit("total"))])
    ages = [
        (spec.id, label, low, high)
        for spec in catalogue().indicators.values()
        for label, (low, high) in ages_of(spec).items()
    ]
    bands = pl.DataFrame(ages, schema=["indicator_id", "age_group", "low", "high"], orient="row")
    key = ["indicator_id", "area_code", "sex", "age_group", "year"]
    own = (
        both.join(bands, how="cross")
        .filter(pl.col("age").is_between(pl.col("low"), pl.col("high")))
        .group_by(key)
        .agg(own=pl.col("residents").sum().cast(pl.Float64))
        .with_columns(pl.col("year").cast(pl.Int32))
    )
    joined = values.with_columns(year=pl.col("period_start").dt.year()).join(
        own, on=key, how="left"
    )
    shown = pl.col("denominator").is_not_null()
    return joined.with_columns(denominator=pl.when(shown).then(pl.col("own").fill_null(0)))


def graded_residents(region: Region) -> pl.DataFrame:
    """Residents with a graded address by municipality and year, as the region was made."""
    graded = region.persons.filter(pl.col("graded_from").is_not_null())
    homes = region.residence.join(graded, on="person")
    frames = []
    for year in region.settings.window:
        last = pl.date(year, 12, 31)
        there = homes.filter(
            pl.col("valid_from") <= last,
            pl.col("valid_to").is_null() | (pl.col("valid_to") > last),
            pl.col("birth_date") <= last,
            pl.col("death_date").is_null() | (pl.col("death_date") > last),
        )
        counted = there.group_by(area_code="municipality_code").agg(graded=pl.len())
        frames.append(counted.with_columns(year=pl.lit(year, dtype=pl.Int32)))
    return pl.concat(frames)


def test_register_minus_published_tells_nobody(release: Path, register: pl.DataFrame) -> None:
    published = read_values(release)
    assert less_than_registered(
        published, list(catalogue().indicators.values()), register
    ).is_empty()


def test_register_minus_the_journals_count_tells_graded_persons(
    of_the_journal: pl.DataFrame, register: pl.DataFrame, region: Region
) -> None:
    every = list(catalogue().indicators.values())
    told = less_than_registered(of_the_journal, every, register)
    assert set(told["sex"]) == {"total", "female", "male"}
    assert told.filter(pl.col("missing").is_between(1, LEAST - 1)).height > 50
    whole = told.filter(
        pl.col("indicator_id") == "adoption_inhabitants_share",
        pl.col("sex") == "total",
        pl.col("age_group") == "total",
    )
    # The rest have asked to be left out. Nobody with a graded address is missed.
    found = graded_residents(region).join(whole, on=["area_code", "year"], how="left")
    assert found.height > 0
    assert found.filter(pl.col("missing") >= pl.col("graded")).height == found.height
    assert found.filter(pl.col("missing") == pl.col("graded")).height > 0
