"""A journal's life, from deliveries to figures: who is one person, what is gone, what was known.

Belongs here: deletions, full deliveries, merges, numbers, reservations and the state of knowledge,
through the real ingest and the real models. Does not belong here: what was delivered
(``tests/support/lives``), gradings (``test_gradings``), the order of arrival
(``tests/property/test_ingest_orders``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest

from anonymization.pseudonyms import Pseudonymiser
from pipelines.ingest import Options
from pipelines.settings import Settings
from tests.support.compiled_models import Dbt, QuickWarehouse
from tests.support.deliveries import KEY, national_number, take
from tests.support.empty_zones import empty_zones
from tests.support.lives import PERSONS, at, lives
from tests.support.warehouse import Warehouse

ONE = Options(threads=1)
AS_OF = at(2)
PERSONS_AND_PLACES = (
    "staging",
    *("int_person_links", "int_persons", "int_residence_spells"),
    *("int_residents", "int_hospital_stays", "int_running_services", "int_care_users"),
)
"""Every model that asks what was known when, and what figures are made of first."""
ALL = ("staging", "intermediate", "marts")


@dataclass(frozen=True)
class Lives:
    """The warehouse of all deliveries as now, as of February, and of what had come by then.

    Attributes:
        now: Tables by name, made without dbt.
        then: Those of persons and places, made by dbt as of February.
        early: Those of a zone that only ever got what had been sent by February, and all wishes.
        quarantined: Quarantined lines by delivery.
        warehouse: Of all deliveries.
        early_warehouse: Of what had been sent by February.
    """

    now: dict[str, pl.DataFrame]
    then: dict[str, pl.DataFrame]
    early: dict[str, pl.DataFrame]
    quarantined: dict[str, dict[str, int]]
    warehouse: Warehouse
    early_warehouse: Warehouse


def tables(connection: duckdb.DuckDBPyConnection) -> dict[str, pl.DataFrame]:
    listed = connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_schema IN ('staging', 'intermediate', 'marts')"
    ).fetchall()
    found = {}
    for schema, name in listed:
        frame = connection.table(f"{schema}.{name}").pl()
        found[name] = frame.sort(frame.columns)
    return found


def built(warehouse: Warehouse, *selected: str) -> dict[str, pl.DataFrame]:
    warehouse.dbt("--quiet", "run", *selected)
    connection = duckdb.connect(str(warehouse.zones.warehouse), read_only=True)
    try:
        return tables(connection)
    finally:
        connection.close()


def quickly(dbt: Dbt, warehouse: Warehouse, *chosen: str) -> dict[str, pl.DataFrame]:
    """The same without dbt: its compiled models, in memory."""
    quick = QuickWarehouse(warehouse.settings.home, dbt)
    try:
        quick.run(*chosen)
        return tables(quick.made)
    finally:
        quick.close()


def prepared(home: Path, dbt: Dbt) -> Warehouse:
    empty_zones(home)
    warehouse = Warehouse(home, dbt)
    warehouse.write_catalogue(range(2024, 2025))
    warehouse.write_single_year_strata()
    return warehouse


@pytest.fixture(scope="module")
def life(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> Lives:
    folder = tmp_path_factory.mktemp("lives")
    found = lives(folder / "inbox")
    every, early = prepared(folder / "every", dbt), prepared(folder / "early", dbt)
    quarantined = {}
    for delivery in found:
        result = take(every.zones, delivery, options=ONE)
        assert result.state == "committed", result
        quarantined[delivery.name] = dict(result.files[0].quarantined)
        # Wishes are about today: those that came later count, whatever moment is asked for.
        wish = result.files[0].entity == "Consent"
        if delivery.name[-1] in "012" or delivery.name == "s-2b" or wish:
            take(early.zones, delivery, options=ONE)
    then = as_of_february(every, "--select", *PERSONS_AND_PLACES)
    now = quickly(dbt, every, *ALL)
    until_then = quickly(dbt, early, *PERSONS_AND_PLACES)
    return Lives(now, then, until_then, quarantined, every, early)


def as_of_february(warehouse: Warehouse, *selected: str) -> dict[str, pl.DataFrame]:
    with pytest.MonkeyPatch.context() as patched:
        then = Settings(home=warehouse.settings.home, as_of=AS_OF)
        patched.setattr(warehouse, "settings", then)
        return built(warehouse, *selected)


def key(domain: str, value: str) -> str:
    return str(Pseudonymiser(KEY).column(pl.Series([value]), domain=domain)[0])


def stays_of(numbers: Iterable[int]) -> set[str]:
    return {key("encounter", f"enk-{n}") for n in numbers}


def person_of(now: dict[str, pl.DataFrame], n: int) -> str | None:
    frame = now["int_person_links"].filter(pl.col("patient_key") == patient_key(n))
    return frame["person_id"].to_list()[0] if frame.height else None


def patient_key(n: int) -> str:
    return key("patient-reference", f"pas-{n}")


def by_number(n: int) -> str:
    return key("person", national_number(n))


# Deletions


@pytest.mark.parametrize(
    ("story", "stay", "there"),
    [
        ("deleted", 0, False),
        ("deleted and sent again", 1, True),
        ("its id deleted as another kind of resource", 2, True),
        ("deleted by a table", 3, False),
        ("deleted twice, once by its whole address", 4, False),
        ("deleted as a kind that we do not know", 5, True),
        ("entered in error", 6, False),
        ("cancelled", 7, False),
        ("deleted before it was corrected, told late", 8, True),
        ("deleted in one version, and by who does not hold it", 9, True),
    ],
)
def test_what_is_gone_and_what_is_not(story: str, stay: int, there: bool, life: Lives) -> None:
    found = set(life.now["stg_journal__encounter"]["encounter_key"])
    assert (stays_of([stay]) <= found) == there, story


def test_a_deletion_of_an_unknown_kind_is_quarantined(life: Lives) -> None:
    assert life.quarantined["s-2"] == {"code_not_allowed": 1}


def test_a_deletion_of_one_version_is_none_of_the_resource(life: Lives) -> None:
    assert life.quarantined["s-2c"] == {"missing_required": 1}


def test_reading_all_versions_would_bring_the_deleted_back(life: Lives) -> None:
    """Twin: what is gone was there before, and still was in January."""
    assert stays_of([6, 7]) <= set(life.then["stg_journal__encounter"]["encounter_key"])
    assert stays_of([0]).isdisjoint(life.then["stg_journal__encounter"]["encounter_key"])


# Full deliveries


def test_a_full_delivery_stands_for_all_that_its_organisation_holds(life: Lives) -> None:
    found = set(life.now["stg_journal__condition"]["condition_key"])
    offices = {key("condition", f"dia-{n}") for n in (0, 1, 2, 6)}
    assert found == offices | {key("condition", "dia-100")}
    before = set(life.then["stg_journal__condition"]["condition_key"])
    assert before == {key("condition", f"dia-{n}") for n in (0, 1, 2, 3, 4, 5, 100)}


def test_a_full_delivery_that_did_not_come_whole_does_not(life: Lives) -> None:
    found = set(life.now["stg_journal__care_episode"]["episode_key"])
    assert found == {key("care-episode", f"tje-{n}") for n in range(6)} or len(found) == 6


# Who is one person


@pytest.mark.parametrize(
    ("story", "patients", "expected"),
    [
        ("chain of three", (10, 11, 12), 12),
        ("one number, two resources", (19, 20), 19),
        ("D-number, then national number", (17,), 17),
        ("newborn with a number of the hospital's, then a national one", (18,), 18),
        ("merged", (22, 23), 23),
        ("merged, and a third with the number of the first", (21, 22, 23), 23),
    ],
)
def test_resources_of_one_person_are_one_person(
    story: str, patients: tuple[int, ...], expected: int, life: Lives
) -> None:
    found = {person_of(life.now, n) for n in patients}
    assert found == {by_number(expected)}, story
    standing = life.now["int_person_links"].filter(pl.col("person_id") == by_number(expected))
    assert sorted(standing["standing"]) == list(range(1, len(patients) + 1)) or len(patients) == 2
    assert life.now["int_persons"].filter(pl.col("person_id") == by_number(expected)).height == 1
    stays = life.now["int_hospital_stays"].filter(pl.col("person_id") == by_number(expected))
    assert stays_of(patients) <= set(stays["encounter_key"])


@pytest.mark.parametrize("ring", [(13, 14), (24, 25, 26)])
def test_a_ring_of_links_is_one_person_and_ends(ring: tuple[int, ...], life: Lives) -> None:
    found = {person_of(life.now, n) for n in ring}
    assert len(found) == 1
    assert found <= {by_number(n) for n in ring}


def test_what_is_unmerged_is_two_persons_again(life: Lives) -> None:
    assert [person_of(life.now, n) for n in (15, 16)] == [by_number(15), by_number(16)]
    assert [person_of(life.then, n) for n in (15, 16)] == [by_number(16), by_number(16)]


def test_a_newborn_without_a_number_is_a_person_by_the_resource(life: Lives) -> None:
    assert person_of(life.then, 18) == patient_key(18)
    assert person_of(life.then, 17) not in (by_number(17), None)


def test_no_person_has_two_places_at_once(life: Lives) -> None:
    spells = life.now["int_residence_spells"].sort("person_id", "valid_from")
    overlaps = spells.filter(pl.col("valid_from") < pl.col("valid_to").shift().over("person_id"))
    assert overlaps.height == 0


# Reservations

OUT, BACK = (30, 34, 35), (31, 32, 33, 36)


def mentioned(found: dict[str, pl.DataFrame], person: str) -> set[str]:
    """Tables past the first reading in which a person is."""
    return {
        name
        for name, frame in found.items()
        if "person_id" in frame.columns
        and not name.startswith("stg_")
        and (frame["person_id"] == person).any()
    }


@pytest.mark.parametrize("n", OUT)
def test_who_is_reserved_is_in_no_figure(n: int, life: Lives) -> None:
    assert person_of(life.now, n) is None
    assert mentioned(life.now, by_number(n)) == set()


@pytest.mark.parametrize("n", BACK)
def test_who_is_not_or_no_longer_reserved_is_in_all(n: int, life: Lives) -> None:
    assert person_of(life.now, n) == by_number(n)
    assert mentioned(life.now, by_number(n)) == mentioned(life.now, by_number(47))
    assert {"int_persons", "int_residence_spells", "int_hospital_stays", "int_residents"} <= (
        mentioned(life.now, by_number(n))
    )


@pytest.mark.parametrize(("n", "is_in"), [(30, False), (31, True), (36, True)])
def test_a_wish_counts_whatever_moment_is_asked_for(n: int, is_in: bool, life: Lives) -> None:
    """What was lifted in March is lifted in a release of February that is made today."""
    assert bool(mentioned(life.then, by_number(n))) is is_in


def total(found: dict[str, pl.DataFrame], table: str, column: str) -> float:
    frame = found[table].filter(
        (pl.col("indicator_id") == "emergency_admissions_per_1000")
        & (pl.col("area_level") == "region")
    )
    return float(frame[column].sum())


def test_the_figures_count_exactly_who_is_there(life: Lives) -> None:
    """Of the region: a stay each of who is not reserved, but those that are gone."""
    gone = {0, 3, 4, 6, 7}
    counted = PERSONS - len(OUT) - len(gone)
    assert total(life.now, "fct_indicator_counts", "numerator") == counted


# What was known when


def test_as_of_a_moment_all_is_as_if_nothing_had_come_since(life: Lives) -> None:
    """Here by dbt, there without it: both make the same of persons and places."""
    assert set(life.then) == set(life.early)
    assert [name for name in life.then if not life.then[name].equals(life.early[name])] == []


@pytest.mark.nightly
def test_as_of_a_moment_every_figure_is_as_if_nothing_had_come_since(life: Lives) -> None:
    then = as_of_february(life.warehouse)
    early = built(life.early_warehouse)
    assert set(then) == set(early)
    assert [name for name in then if not then[name].equals(early[name])] == []
    assert then["fct_indicator_counts"].height > 0
    assert not then["fct_indicator_counts"].equals(life.now["fct_indicator_counts"])


def test_now_is_not_as_it_was_then(life: Lives) -> None:
    """Twin: the comparison is not blind."""
    changed = {name for name in life.then if not life.now[name].equals(life.then[name])}
    assert {"stg_journal__encounter", "int_person_links", "int_hospital_stays"} <= changed


@pytest.mark.nightly
def test_compiled_models_run_without_dbt_give_the_same(life: Lives) -> None:
    """What is left to ``QuickWarehouse`` is what dbt makes: all that comes after persons, too."""
    quick, made = life.now, built(life.warehouse)
    assert set(quick) == set(made)
    assert [name for name in quick if not quick[name].equals(made[name])] == []
    assert [name for name in quick if quick[name].schema != made[name].schema] == []
    assert quick["fct_indicator_counts"].height > 0


# The same again


def test_what_comes_again_counts_once(life: Lives) -> None:
    """F08: under another name, or in periods that overlap; the ledger keeps both, figures one."""
    found = life.now["stg_journal__encounter"]
    assert found["encounter_key"].is_duplicated().sum() == 0
    assert found.height == PERSONS - 5
    paths = sorted((life.warehouse.zones.journal / "encounter").glob("synthetic__*.parquet"))
    assert pl.read_parquet(paths).height == PERSONS + 4 + 2
