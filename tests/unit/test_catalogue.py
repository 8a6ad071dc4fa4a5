"""Indicator and policy files: a wrong one is refused by file and key."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from pipelines.catalogue.loader import HERE, Catalogue, CatalogueError, catalogue, load
from pipelines.catalogue.model import OPEN_AGE, age_label
from pipelines.catalogue.tables import (
    catalogue_tables,
    read_reference,
    service_spells,
    windows,
)
from pipelines.settings import reference_dir

STRATA = "emergency_admissions_per_1000"
FLOW = "structured_documentation_share"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("indicators", "policies"):
        shutil.copytree(HERE / name, tmp_path / name)
    shutil.copy(HERE / "breakdowns.yml", tmp_path)
    return tmp_path


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def nb(content: dict[str, Any]) -> dict[str, Any]:
    return content["texts"]["nb"]


Change = Callable[[dict[str, Any]], object]

REFUSED: list[tuple[str, str, Change, str]] = [
    ("unknown key", STRATA, lambda c: c.update(treshold=3), "treshold"),
    ("a split twice", FLOW, lambda c: c.update(breakdowns=["service"] * 2), "one is there twice"),
    ("a split there is not", FLOW, lambda c: c.update(breakdowns=["floor"]), "got ['floor']"),
    (
        "a split of inhabitants",
        STRATA,
        lambda c: c.update(breakdowns=["service"]),
        "a public denominator has no attributes of events",
    ),
    (
        "a split of persons",
        "extensive_need_share",
        lambda c: c.update(breakdowns=["service"]),
        "only events are split",
    ),
    ("unknown key inside", STRATA, lambda c: c["coverage"].update(ful=0.9), "coverage.ful"),
    ("another id", STRATA, lambda c: c.update(id="other_id"), "id is 'other_id'"),
    ("id with capitals", STRATA, lambda c: c.update(id="Emergency"), "id: "),
    ("version zero", STRATA, lambda c: c.update(version=0), "version"),
    ("language missing", STRATA, lambda c: c["texts"].pop("nn"), "texts lack ['nn']"),
    ("language unknown", STRATA, lambda c: c["texts"].update(se=nb(c)), "texts.se"),
    ("text missing", STRATA, lambda c: nb(c).pop("why"), "texts.nb.why"),
    ("text too long", STRATA, lambda c: nb(c).update(short_title="x" * 41), "texts.nb.short_title"),
    ("no caveat", STRATA, lambda c: nb(c).update(caveats=[]), "texts.nb.caveats"),
    (
        "caveat in one language only",
        STRATA,
        lambda c: nb(c)["caveats"].pop(),
        "the three languages must hold the same caveats",
    ),
    (
        "unknown field in a reading",
        STRATA,
        lambda c: nb(c).update(reading="{area} had {price} stays in all."),
        "reading uses unknown fields ['price']",
    ),
    (
        "reading on two lines",
        STRATA,
        lambda c: nb(c).update(reading="{area} had many\nin {period}"),
        "texts.nb.reading",
    ),
    (
        "group not at the least age",
        STRATA,
        lambda c: c.update(age_groups=[18, 45]),
        "the first age group must begin at ages.min",
    ),
    (
        "groups out of order",
        STRATA,
        lambda c: c.update(age_groups=[0, 45, 18]),
        "age_groups must be ascending",
    ),
    (
        "group twice",
        STRATA,
        lambda c: c.update(age_groups=[0, 18, 18]),
        "age_groups must be ascending",
    ),
    (
        "strata without groups",
        STRATA,
        lambda c: c.update(age_groups=[]),
        "an indicator over strata names its age groups",
    ),
    ("negative age", STRATA, lambda c: c["ages"].update(min=-1), "ages.min"),
    ("flow with groups", FLOW, lambda c: c.update(age_groups=[0]), "a flow has no age groups"),
    (
        "flow with a standardised value",
        FLOW,
        lambda c: c.update(value_kinds=["crude", "indirect"]),
        "only the crude value",
    ),
    (
        "headline that is not computed",
        STRATA,
        lambda c: c.update(value_kinds=["crude"]),
        "headline_kind must be one of value_kinds",
    ),
    ("unknown kind", STRATA, lambda c: c.update(value_kinds=["direct_who"]), "value_kinds.0"),
    (
        "flag above full",
        STRATA,
        lambda c: c["coverage"].update(full=0.7),
        "coverage.flagged must not exceed coverage.full",
    ),
    ("unknown service", STRATA, lambda c: c["coverage"].update(service="dental"), "service"),
    (
        "code with a dot",
        STRATA,
        lambda c: c.update(code_sets={"stroke": [{"system": "icd10", "prefix": "I63.9"}]}),
        "code_sets.stroke.0.prefix",
    ),
    (
        "unknown code system",
        STRATA,
        lambda c: c.update(code_sets={"stroke": [{"system": "snomed", "prefix": "I63"}]}),
        "code_sets.stroke.0.system",
    ),
    (
        "unknown policy",
        STRATA,
        lambda c: c.update(policy="lenient"),
        "policy: expected a table policy among",
    ),
    (
        "policy of another kind",
        STRATA,
        lambda c: c.update(policy="demography"),
        "got 'demography'",
    ),
    (
        "a measure with two units",
        STRATA,
        lambda c: c["denominator"].update(unit="persons"),
        "measure person_years has unit",
    ),
]


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [case[1:] for case in REFUSED],
    ids=[case[0].replace(" ", "_") for case in REFUSED],
)
def test_a_wrong_indicator_is_refused_by_file_and_key(
    file: str, change: Change, told: str, folder: Path
) -> None:
    edit(folder / "indicators" / f"{file}.yml", change)
    with pytest.raises(CatalogueError) as caught:
        load(folder)
    assert told in str(caught.value)
    assert ".yml" in str(caught.value)
    if "measure" not in told:
        assert f"{file}.yml" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c.update(colour="red"), "colour"),
        (lambda c: c.update(kind="chart"), "kind"),
        (lambda c: c.pop("reason"), "reason"),
        (lambda c: c.update(date="yesterday"), "date"),
        (lambda c: c["texts"]["en"].pop("rule"), "texts.en.rule"),
        (lambda c: c["texts"].pop("nn"), "texts lack ['nn']"),
        (lambda c: c.update(id="other"), "id is 'other', expected 'default'"),
    ],
)
def test_a_wrong_policy_is_refused_by_file_and_key(change: Change, told: str, folder: Path) -> None:
    edit(folder / "policies" / "default.yml", change)
    with pytest.raises(CatalogueError) as caught:
        load(folder)
    assert told in str(caught.value)
    assert "default.yml" in str(caught.value)


def test_a_file_that_is_no_yaml_is_refused_by_name(folder: Path) -> None:
    (folder / "indicators" / f"{STRATA}.yml").write_text("id: [", encoding="utf-8")
    with pytest.raises(CatalogueError, match=rf"{STRATA}\.yml: not valid YAML"):
        load(folder)


def test_an_empty_catalogue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "indicators").mkdir()
    with pytest.raises(CatalogueError, match="expected at least one"):
        load(tmp_path)


def test_the_projects_own_catalogue_is_ordered_and_whole() -> None:
    entries = catalogue()
    numbers = [entry.number for entry in entries.indicators.values()]
    assert numbers == sorted(numbers)
    for entry in entries.indicators.values():
        assert entries.policy_of(entry).kind == "table"
        assert catalogue() is entries


def test_cuts_are_every_border_an_indicator_declares(folder: Path) -> None:
    edit(
        folder / "indicators" / "home_nursing_users_80plus_share.yml",
        lambda c: c.update(ages={"min": 80, "max": 89}),
    )
    cuts = load(folder).cuts()
    assert set(cuts) >= {18, 45, 67, 80, 90}
    assert 0 not in cuts
    assert OPEN_AGE + 1 not in cuts
    assert list(cuts) == sorted(cuts)
    assert cuts.count(80) > cuts.count(90) == 1


@pytest.mark.parametrize(
    ("groups", "ages", "expected"),
    [
        (
            [0, 18, 45],
            {"min": 0, "max": None},
            [(0, 17, "0-17"), (18, 44, "18-44"), (45, OPEN_AGE, "45+")],
        ),
        ([67], {"min": 67, "max": None}, [(67, OPEN_AGE, "67+")]),
        ([0, 6], {"min": 0, "max": 17}, [(0, 5, "0-5"), (6, 17, "6-17")]),
    ],
)
def test_age_groups_have_bounds_and_labels(
    groups: list[int], ages: dict[str, Any], expected: list[tuple[int, int, str]], folder: Path
) -> None:
    edit(folder / "indicators" / f"{STRATA}.yml", lambda c: c.update(age_groups=groups, ages=ages))
    assert list(load(folder).indicators[STRATA].age_bands()) == expected


def test_a_label_is_open_only_at_the_open_age() -> None:
    assert age_label(80, OPEN_AGE) == "80+"
    assert age_label(80, 120) == "80-120"


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    return catalogue_tables(catalogue(), reference_dir(), range(2023, 2026))


def test_catalogue_tables_have_their_grain(tables: dict[str, pl.DataFrame]) -> None:
    keys = {
        "indicators": ["indicator_id"],
        "indicator_parameters": ["indicator_id", "parameter"],
        "code_sets": ["indicator_id", "code_set", "code_system", "prefix"],
        "breakdowns": ["indicator_id", "breakdown", "breakdown_value"],
        "years": ["year"],
        "parts_of_year": ["part_of_year", "year", "calendar_month"],
        "windows": ["pooled_years", "year"],
        "border_set": ["border_set"],
        "municipalities": ["municipality_code"],
        "register_codes": ["year", "municipality_code", "register_code"],
        "service_spells": ["municipality_code", "service"],
        "hospital_shares": ["municipality_code", "hospital_code"],
        "ready_for_discharge_rates": ["year"],
        "working_days": ["day"],
    }
    assert keys.keys() == tables.keys()
    for name, key in keys.items():
        assert tables[name].height > 0
        assert not tables[name].select(key).is_duplicated().any(), name
        assert tables[name].select(key).null_count().sum_horizontal().item() == 0


def test_years_know_leap_days(tables: dict[str, pl.DataFrame]) -> None:
    assert tables["years"].rows() == [
        (2023, dt.date(2023, 1, 1), dt.date(2023, 12, 31), dt.date(2024, 1, 1), 365),
        (2024, dt.date(2024, 1, 1), dt.date(2024, 12, 31), dt.date(2025, 1, 1), 366),
        (2025, dt.date(2025, 1, 1), dt.date(2025, 12, 31), dt.date(2026, 1, 1), 365),
    ]


def test_quarters_are_three_months(tables: dict[str, pl.DataFrame]) -> None:
    parts = tables["parts_of_year"]
    of_2024 = parts.filter(part_of_year="quarter", year=2024)
    columns = ["calendar_month", "month", "first_day", "last_day", "next_first_day", "days"]
    assert of_2024.select(columns).row(1) == (
        2, 1, dt.date(2024, 1, 1), dt.date(2024, 3, 31), dt.date(2024, 4, 1), 91
    )  # fmt: skip
    assert of_2024["month"].to_list() == [1, 1, 1, 4, 4, 4, 7, 7, 7, 10, 10, 10]
    months = parts.filter(part_of_year="month")
    assert (months["month"] == months["calendar_month"]).all()
    assert months.filter(year=2024)["days"].sum() == 366


def test_pooled_years_neither_overlap_nor_move_with_the_release() -> None:
    several = {stop: windows(range(2021, stop)) for stop in (2024, 2026, 2027, 2029)}
    periods = [
        [(row["first_day"].year, row["last_year"]) for row in frame.iter_rows(named=True)]
        for frame in several.values()
    ]
    assert [sorted(set(found)) for found in periods] == [
        [],  # 2020 is not in the release, and of 2023-2025 only the first year
        [(2023, 2025)],
        [(2023, 2025)],
        [(2023, 2025), (2023, 2027), (2026, 2028)],
    ]
    assert not several[2029].select("pooled_years", "year").is_duplicated().any()
    assert several[2026]["year"].to_list() == [2023, 2024, 2025]


@pytest.mark.parametrize(
    ("day", "following"),
    [
        (dt.date(2024, 3, 26), dt.date(2024, 3, 27)),
        (dt.date(2024, 3, 27), dt.date(2024, 4, 2)),  # Easter: Maundy Thursday to Monday
        (dt.date(2024, 4, 5), dt.date(2024, 4, 8)),  # a Friday
        (dt.date(2024, 4, 30), dt.date(2024, 5, 2)),  # Labour Day
        (dt.date(2024, 5, 16), dt.date(2024, 5, 21)),  # Constitution Day and Whit Monday
        (dt.date(2024, 12, 23), dt.date(2024, 12, 24)),  # the eve is a working day
        (dt.date(2025, 12, 31), dt.date(2026, 1, 2)),
    ],
)
def test_the_next_working_day(
    day: dt.date, following: dt.date, tables: dict[str, pl.DataFrame]
) -> None:
    row = tables["working_days"].row(by_predicate=pl.col("day") == day, named=True)
    assert row["next_working_day"] == following


def test_the_cost_of_waiting_is_known_for_the_years_that_have_a_rate(
    tables: dict[str, pl.DataFrame],
) -> None:
    years = catalogue().indicators["ready_for_discharge_cost_per_inhabitant"].known_years
    rates = tables["ready_for_discharge_rates"]
    assert years is not None
    assert years.last == rates["year"].max()
    assert rates.row(by_predicate=pl.col("year") == 2023) == (2023, 5508)


def test_a_year_without_known_holidays_is_refused() -> None:
    with pytest.raises(CatalogueError, match=r"public_holidays\.csv: expected the holidays of"):
        catalogue_tables(catalogue(), reference_dir(), range(2040, 2041))


def test_code_sets_are_those_of_the_files(tables: dict[str, pl.DataFrame]) -> None:
    diabetes = tables["code_sets"].filter(pl.col("code_set").str.contains("diabetes"))
    assert ("icd10", "E11") in diabetes.select("code_system", "prefix").rows()
    assert ("icpc2", "T90") in diabetes.select("code_system", "prefix").rows()


def test_an_open_age_is_a_number_in_the_table(tables: dict[str, pl.DataFrame]) -> None:
    row = tables["indicators"].row(by_predicate=pl.col("indicator_id") == STRATA, named=True)
    assert (row["age_min"], row["age_max"]) == (0, OPEN_AGE)
    assert row["numerator_measure"] == "emergency_stays"
    assert row["has_public_denominator"] is True


def test_planned_go_lives_cover_nothing() -> None:
    planned = read_reference(reference_dir(), "go_live").filter(pl.col("status") == "planned")
    assert planned.height > 0
    both = service_spells(reference_dir()).join(
        planned, on=["municipality_code", "service"], how="inner"
    )
    assert both.height == 0


def test_shares_of_hospitals_are_shares(tables: dict[str, pl.DataFrame]) -> None:
    shares = tables["hospital_shares"].group_by("municipality_code").agg(pl.col("share").sum())
    assert shares["share"].max() <= 1 + 1e-9
    assert tables["hospital_shares"]["share"].min() >= 0


def test_codes_keep_their_leading_zeros() -> None:
    codes = read_reference(reference_dir(), "municipalities")["municipality_code"]
    assert codes.dtype == pl.String
    assert set(codes.str.len_chars()) == {4}


def test_a_policy_is_found_by_the_indicators_name_of_it() -> None:
    entries = catalogue()
    alone = Catalogue({STRATA: entries.indicators[STRATA]}, entries.policies)
    assert alone.policy_of(alone.indicators[STRATA]).id == "default"


def test_the_barometer_is_short_and_looks_at_every_theme_of_health_and_care() -> None:
    key = [entry for entry in catalogue().indicators.values() if entry.key_figure]
    assert 12 <= len(key) <= 20
    every = {entry.theme for entry in catalogue().indicators.values()}
    # How far the journal has spread says nothing of a municipality's health; it is on the overview.
    assert {entry.theme for entry in key} == every - {"adoption"}


WRONG_SPLITS: list[tuple[str, Change, str]] = [
    ("a language missing", lambda c: c["service"]["title"].pop("nn"), "texts lack ['nn']"),
    ("a reserved value", lambda c: c["device"]["values"].update(total=c["device"]["title"]),
     "may not name a value"),
    ("a name twice", lambda c: c["device"]["values"].update(tablet=c["device"]["unknown"]),
     "the same name"),
    ("a single value", lambda c: c["device"]["values"].pop("mobile"), "device.values"),
    ("too many values", lambda c: c["device"]["values"].update(
        {f"value_{n}": dict.fromkeys(("nb", "nn", "en"), f"Value {n}") for n in range(6)}),
     "device.values"),
    ("an unknown key", lambda c: c["device"].update(at_most=3), "device.at_most"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), [case[1:] for case in WRONG_SPLITS],
                         ids=[case[0] for case in WRONG_SPLITS])  # fmt: skip
def test_a_wrong_split_is_refused(folder: Path, change: Change, said: str) -> None:
    edit(folder / "breakdowns.yml", change)
    with pytest.raises(CatalogueError, match=re.escape(said)):
        load(folder)
