"""Border sets: the table that places an address, what the door keeps, what a release says."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.catalogue.loader import CatalogueError, catalogue
from pipelines.catalogue.tables import catalogue_tables, read_reference, register_codes, valid_on
from pipelines.clients.population_register.places import codes_by_year
from pipelines.publication.notes import breaks_table, caveats_table
from pipelines.publication.reference_tables import areas_table
from pipelines.settings import BorderSet, Zones, reference_dir
from tests.support.deliveries import FOLKEPULS, address, patient, rows, take, write_delivery

REFERENCE = reference_dir()
BORDERS = read_reference(REFERENCE, "borders")
SETS = ("2019", "2020", "2024")
COLUMNS = [f"municipality_{one}" for one in SETS]


def test_the_table_agrees_with_the_municipalities() -> None:
    known = read_reference(REFERENCE, "municipalities")
    for one in ("2020", "2024"):
        valid = valid_on(known, dt.date(int(one), 1, 1))["municipality_code"]
        assert set(BORDERS[f"municipality_{one}"].drop_nulls()) == set(valid)
    # What its predecessors are said to be is what the table makes of them.
    made = BORDERS.drop_nulls(COLUMNS).group_by("municipality_2020").agg("municipality_2019")
    told = known.filter(pl.col("valid_from") == dt.date(2020, 1, 1))
    for code, predecessors in told.select("municipality_code", "predecessor").iter_rows():
        (former,) = made.filter(municipality_2020=code)["municipality_2019"].to_list()
        assert set(former) == set(predecessors.split("+"))


def test_a_code_tells_only_what_all_its_parts_have_in_common() -> None:
    assert BORDERS["prefix"].is_unique().all()
    length = pl.col("prefix").str.len_chars()
    parts = BORDERS.filter(length == 6).with_columns(code=pl.col("prefix").str.head(4))
    assert parts.select(pl.col(COLUMNS).is_not_null().all()).row(0) == (True, True, True)
    common = parts.group_by("code").agg(
        pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()).alias(name)
        for name in COLUMNS
    )
    whole = BORDERS.filter(length == 4).join(common, left_on="prefix", right_on="code")
    assert whole.height == common.height > 10
    for name in COLUMNS:
        assert whole[name].equals(whole[f"{name}_right"])


def placed(code: str, tract: str | None) -> dict[str, Any]:
    one = address(code, "2021-01-01")
    if tract is not None:
        one["extension"].append({"url": f"{FOLKEPULS}tract", "valueString": tract})
    return one


PLACES = [
    ("1507", "15070501", ("1534", "1507", "1580")),
    ("1507", "15070101", ("1504", "1507", "1508")),
    # A tract by its later number says the same.
    ("1507", "15800101", ("1534", "1507", "1580")),
    ("1507", None, (None, "1507", None)),
    # Nobody knows the tract: its municipality is known all the same.
    ("1507", "99999999", (None, "1507", None)),
    ("1504", None, ("1504", "1507", "1508")),
    ("1505", "15051234", ("1505", "1505", "1505")),
    ("0301", "03010101", (None, None, None)),
]


def test_an_address_is_placed_by_every_border_set(tmp_path: Path) -> None:
    """And the tract, and every place of a graded person, stay outside."""
    zones = Zones(tmp_path).create()
    people = [patient(n, address=[placed(*one[:2])]) for n, one in enumerate(PLACES)]
    people.append(patient(len(PLACES), graded="V", address=[placed("1507", "15070501")]))
    take(zones, write_delivery(zones.inbox, "p", {"Patient-1.ndjson": people},
                               organisation="personregister"))  # fmt: skip
    found = rows(zones, "residence")
    expected = [(code, *sets) for code, _, sets in PLACES] + [(None,) * 4]
    told = found.select("municipality_code", *COLUMNS).rows()
    assert sorted(told, key=str) == sorted(expected, key=str)
    text = str(found.rows())
    assert not any(tract and tract in text for _, tract, _ in PLACES)


def municipalities(border_set: BorderSet) -> pl.DataFrame:
    years = range(2023, 2025)
    return catalogue_tables(catalogue(), REFERENCE, years, border_set=border_set)["municipalities"]


def test_areas_of_a_border_set_have_always_been() -> None:
    of_date = municipalities("date")
    assert of_date.filter(municipality_code="1508")["valid_from"].to_list() == [dt.date(2024, 1, 1)]
    for one in SETS:
        areas = municipalities(one)
        assert set(areas["municipality_code"]) == set(BORDERS[f"municipality_{one}"].drop_nulls())
        assert areas.select("valid_from", "valid_to").unique().rows() == [
            (dt.date(1900, 1, 1), None)
        ]
    (haram,) = municipalities("2024").filter(municipality_code="1580").rows(named=True)
    assert (haram["recorded_from"], haram["recorded_to"]) == (dt.date(2024, 1, 1), None)
    (old,) = municipalities("2019").filter(municipality_code="1534").rows(named=True)
    assert old["recorded_to"] < dt.date(2019, 1, 1)


def test_the_register_is_asked_by_the_same_borders() -> None:
    codes = codes_by_year(REFERENCE, range(2022, 2025), "2024")
    assert {"1508", "1580"} <= set(codes[2022]) == set(codes[2024])
    assert "1507" not in codes[2022]
    followed = register_codes(REFERENCE, range(2023, 2024), "2024")
    assert (followed["municipality_code"] == followed["register_code"]).all()
    assert set(followed["municipality_code"]) == set(codes[2022])


def test_a_release_says_by_which_borders_it_is() -> None:
    areas = areas_table(REFERENCE, "2024")
    assert "1507" not in areas["area_code"]
    assert areas.filter(area_code="1580")["valid_from"].to_list() == [None]
    assert "1580" not in areas_table(REFERENCE, "2020")["area_code"]
    assert breaks_table(REFERENCE, border_set="2024").filter(kind="border").is_empty()
    ids = {
        one: set(caveats_table(catalogue(), range(2022, 2026), border_set=one)["caveat_id"])
        for one in ("date", "2020", "2024")
    }
    assert "alesund_and_haram_after_the_split" in ids["date"]
    assert {name for name in ids["2024"] if "alesund" in name} == {"alesund_and_haram_recut"}
    assert {name for name in ids["2020"] if "alesund" in name} == {"alesund_with_haram_recut"}
    with pytest.raises(CatalogueError, match="every municipality of 2019"):
        areas_table(REFERENCE, "2019")
