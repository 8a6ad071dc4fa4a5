"""The tables of a region: sizes, identities, coverage, and what may not overlap."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from anonymization.identifiers import classify
from pipelines.settings import reference_dir
from pipelines.synthetic import Region, SyntheticSettings, generate_tables
from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import date_of, first_day
from pipelines.synthetic.places import load_places
from pipelines.synthetic.population import initial_bands, simulate, targets

D = dt.date


@pytest.fixture(scope="module")
def region() -> Region:
    return generate_tables(SyntheticSettings(scale=0.02))


@pytest.fixture(scope="module")
def go_live() -> dict[str, dt.date]:
    calendar = pl.read_csv(reference_dir() / "go_live.csv", infer_schema=False)
    live = calendar.filter(pl.col("status") == "live", pl.col("service") == "municipal_care")
    return {
        code: D.fromisoformat(on)
        for code, on in zip(live["municipality_code"], live["go_live_on"], strict=True)
    }


def alive_spells(region: Region) -> pl.DataFrame:
    life = region.persons.select("person", pl.col("death_date"), "birth_date")
    return region.residence.join(life, on="person").with_columns(
        pl.min_horizontal("valid_to", "death_date").fill_null(D(9999, 1, 1)).alias("end")
    )


@pytest.mark.parametrize("year", [2023, 2024, 2025, 2026])
def test_every_first_of_january_has_the_real_proportions(region: Region, year: int) -> None:
    table = pl.read_csv(reference_dir() / "municipalities.csv", infer_schema=False)
    on = D(year, 1, 1)
    present = alive_spells(region).filter((pl.col("valid_from") <= on) & (pl.col("end") > on))
    counted = dict(present.group_by("municipality_code").len().iter_rows())
    column = f"population_{year}"
    for code, inhabitants in table.select("municipality_code", column).drop_nulls().iter_rows():
        wanted = max(1, int(inhabitants) * 0.02)
        # 1507 is held as its two halves, each rounded.
        assert abs(counted.pop(code) - wanted) <= (1 if code == "1507" else 0.5)
    assert counted == {}


def test_first_year_has_the_real_age_bands() -> None:
    settings = SyntheticSettings(scale=0.02)
    places = load_places()
    population, spells = simulate(settings, places)
    person, place = spells.residents(settings.first_day)
    years = population.birth[person].astype("datetime64[D]").astype("datetime64[Y]").astype(int)
    age = settings.first_year - 1 - (years + 1970)
    band = np.searchsorted(np.array(par.BAND_STARTS), age, side="right") - 1
    counted = np.zeros((len(places.codes), 4), dtype=int)
    np.add.at(counted, (place, band), 1)
    assert (counted == initial_bands(settings, places)).all()
    assert (counted.sum(axis=1) == targets(settings, places, settings.first_year)).all()
    real = places.bands.sum(axis=0) / places.bands.sum()
    assert counted.sum(axis=0) / counted.sum() == pytest.approx(real, abs=0.003)


def test_national_numbers_are_synthetic_valid_and_unique(region: Region) -> None:
    numbers = region.persons["number"]
    judged = classify(numbers, "test")
    assert judged["reason"].null_count() == numbers.len()
    assert set(judged["kind"].unique()) == {"synthetic_tenor", "synthetic_tenor_d_number"}
    assert numbers.n_unique() == numbers.len()
    months = numbers.str.slice(2, 2).cast(pl.Int64)
    assert months.is_between(81, 92).all()
    born = region.persons["birth_date"]
    assert (months - 80 == born.dt.month()).all()
    assert (numbers.str.slice(4, 2).cast(pl.Int64) == born.dt.year() % 100).all()


def test_address_spells_follow_one_another(region: Region) -> None:
    spells = region.residence.sort("person", "valid_from").with_columns(
        pl.col("valid_from").shift(-1).over("person").alias("next")
    )
    followed = spells.filter(pl.col("next").is_not_null())
    assert followed.filter(pl.col("valid_to").is_null()).is_empty()
    assert followed.filter(pl.col("valid_to") > pl.col("next")).is_empty()
    assert spells.filter(pl.col("valid_to") <= pl.col("valid_from")).is_empty()


def test_the_divided_municipality_changes_code_on_the_day(region: Region) -> None:
    border = D(2024, 1, 1)
    old = region.residence.filter(pl.col("municipality_code") == "1507")
    new = region.residence.filter(pl.col("municipality_code").is_in(["1508", "1580"]))
    assert (old["valid_to"] <= border).all()
    assert old["valid_to"].null_count() == 0
    assert (new["valid_from"] >= border).all()
    assert new.filter(pl.col("valid_from") == border).height > 1000


def test_inpatient_stays_touch_only_at_transfers(region: Region) -> None:
    stays = region.encounters.filter(pl.col("class_code") == "IMP").sort(
        "person", "started_on", "ended_on"
    )
    pairs = stays.with_columns(
        pl.col("ended_on").shift(1).over("person").alias("before_end"),
        pl.col("person").shift(1).alias("before"),
    ).filter(pl.col("person") == pl.col("before"))
    assert pairs.filter(pl.col("before_end").is_null()).is_empty()
    assert pairs.filter(pl.col("started_on") < pl.col("before_end")).is_empty()
    transfers = pairs.filter(pl.col("started_on") == pl.col("before_end")).height
    assert 0.01 < transfers / stays.height < 0.06


def test_episodes_of_one_service_do_not_overlap(region: Region) -> None:
    episodes = region.care_episodes.sort("person", "service_type_code", "start_on").with_columns(
        pl.col("start_on").shift(-1).over("person", "service_type_code").alias("next")
    )
    followed = episodes.filter(pl.col("next").is_not_null())
    assert (followed["end_on"] < followed["next"]).all()


@pytest.mark.parametrize(
    ("frame", "code", "on"),
    [
        ("care_episodes", "municipality_code", "known_on"),
        ("journal_entries", "municipality_code", "recorded_on"),
        ("staff", "municipality_code", "known_on"),
    ],
)
def test_nothing_municipal_before_go_live(
    region: Region, go_live: dict[str, dt.date], frame: str, code: str, on: str
) -> None:
    rows = getattr(region, frame)
    live = rows[code].replace_strict(go_live, default=None, return_dtype=pl.Date)
    assert rows.height > 0
    assert live.null_count() == 0
    assert (rows[on] >= live).all()


def test_nothing_of_a_hospital_before_its_go_live(region: Region) -> None:
    hospitals = {"STO": D(2022, 11, 12), "HMR": D(2024, 4, 27), "HNT": D(2024, 11, 9)}
    rows = region.encounters
    assert set(rows["hospital_code"].unique()) == set(hospitals)
    live = rows["hospital_code"].replace_strict(hospitals, return_dtype=pl.Date)
    assert (rows["started_on"] >= live).all()


def test_nothing_of_an_office_before_it_joined(region: Region, go_live: dict[str, dt.date]) -> None:
    live = region.gp_offices["live_from"]
    for rows, on in ((region.conditions, "recorded_on"), (region.prescriptions, "authored_on")):
        joined = live.gather(rows["office"])
        assert joined.null_count() == 0
        assert (rows[on] >= joined).all()
    offices = region.gp_offices.filter(pl.col("live_from").is_not_null())
    municipal = offices["municipality_code"].replace_strict(
        go_live, default=None, return_dtype=pl.Date
    )
    assert municipal.null_count() == 0
    assert (offices["live_from"] >= municipal).all()


def test_portal_only_where_live(region: Region, go_live: dict[str, dt.date]) -> None:
    for rows, on in ((region.portal_sessions, "session_on"), (region.portal_forms, "sent_on")):
        placed = rows.join(alive_spells(region), on="person").filter(
            (pl.col("valid_from") <= pl.col(on)) & (pl.col("end") > pl.col(on))
        )
        assert placed.height == rows.height
        live = placed["municipality_code"].replace_strict(
            go_live, default=None, return_dtype=pl.Date
        )
        assert live.null_count() == 0
        assert (placed[on] >= live).all()


def test_cases_that_definitions_must_tell_apart_are_there(region: Region) -> None:
    assert {"T90", "E119", "E11.9", "E10.9", "E109", "O24.4", "W85", "E28.2"} <= set(
        region.conditions["written_code"]
    )
    assert {"A10BA02", "A10BJ06", "A10BK01", "A10AB05"} <= set(region.prescriptions["atc_code"])
    assert set(region.care_episodes["status"]) == {
        "active", "finished", "on-hold", "cancelled", "entered-in-error",
    }  # fmt: skip
    assert {"15", "21", "1", "6"} <= set(region.care_episodes["service_type_code"])
    graded = region.persons["graded_from"].drop_nulls()
    assert graded.min() == 2023
    assert graded.max() > 2023
    assert set(region.messages["message_type"]) == {
        "innlagt", "tidligmelding", "utskrivningsklar", "avmelding-utskrivningsklar",
        "tilbud-klart", "innleggelsesrapport", "utskrivningsrapport",
    }  # fmt: skip
    migrated = region.care_episodes.filter(pl.col("start_on") < pl.col("known_on"))
    assert migrated.height > 0


def test_notices_of_one_stay_never_tie(region: Region) -> None:
    assert not region.messages.select("encounter", "sent_sequence").is_duplicated().any()


def test_entries_are_written_by_staff_at_work(region: Region) -> None:
    staff = region.staff
    at = region.journal_entries["staff"]
    on = region.journal_entries["recorded_on"]
    assert (staff["employed_from"].gather(at) <= on).all()
    ends = staff["employed_to"].gather(at)
    assert ((ends > on) | ends.is_null()).all()
    codes = staff["municipality_code"].gather(at)
    assert (codes == region.journal_entries["municipality_code"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": 0}, "scale"),
        ({"scale": 3}, "scale"),
        ({"years": 0}, "years"),
        ({"seed": -1}, "seed"),
        ({"end_year": 2027}, "end_year"),
        ({"years": 9}, "end_year"),
    ],
)
def test_settings_refuse(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SyntheticSettings(**change)


def test_other_windows_and_seeds_work() -> None:
    early = generate_tables(SyntheticSettings(scale=0.005, years=2, end_year=2022))
    assert "1507" in set(early.residence["municipality_code"])
    assert "1508" not in set(early.residence["municipality_code"])
    other = generate_tables(SyntheticSettings(scale=0.005, years=1, seed=7))
    assert other.persons["number"].head(50).to_list() != early.persons["number"].head(50).to_list()
    assert date_of(first_day(2025)) == D(2025, 1, 1)


def test_catchment_shares_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    for file in reference_dir().glob("*.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    catchment = tmp_path / "catchment.csv"
    text = catchment.read_text(encoding="utf-8")
    catchment.write_text(text.replace("1505,HMR,0.885", "1505,HMR,0.985"), encoding="utf-8")
    with pytest.raises(ValueError, match="1 municipalities do not sum to 1"):
        load_places(tmp_path)


def test_rows_counts_every_frame(region: Region) -> None:
    rows = region.rows()
    assert rows["persons"] == region.persons.height
    assert len(rows) == 12
    assert all(rows.values())
