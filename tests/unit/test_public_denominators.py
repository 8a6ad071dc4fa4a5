"""When the population register may stand below public figures, and when a run stops instead."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dagster import materialize

from pipelines.assets.register import RegisterConfig, population
from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.model import PUBLIC_MEASURES, PUBLIC_NUMERATORS, Indicator
from pipelines.catalogue.tables import register_codes
from pipelines.checks.denominators import require_denominators
from pipelines.clients.population_register import SCHEMA, Register, RegisterError, keep
from pipelines.doctor import examine
from pipelines.ingest.ledger import LedgerEntry
from pipelines.operations import input_fingerprint
from pipelines.publication.notes import caveats_table
from pipelines.resources import DBT_FOLDER, FolkepulsResource
from pipelines.settings import Settings, reference_dir
from pipelines.synthetic.register import population_register
from tests.support.library_warnings import ignoring_library_warnings
from tests.support.mini_region import mini_region

pytestmark = ignoring_library_warnings
YEARS = range(2023, 2025)
OLDEST = 2


def cells(*years: int) -> pl.DataFrame:
    """A register that is whole, of ages 0, 1 and 2 and more: one person in each cell."""
    codes = register_codes(reference_dir(), range(min(years) - 1, max(years) + 1))
    on = pl.concat(
        [
            codes.select("municipality_code", on=pl.date(pl.col("year"), 1, 1)),
            codes.select(
                pl.col("register_code").alias("municipality_code"),
                on=pl.date(pl.col("year") + 1, 1, 1),
            ),
        ]
    ).unique()
    return (
        on.filter(pl.col("on").dt.year().is_in(list(years)))
        .join(pl.DataFrame({"sex": ["female", "male"]}), how="cross")
        .join(pl.DataFrame({"age": range(OLDEST + 1)}), how="cross")
        .select(
            municipality="municipality_code",
            sex="sex",
            age="age",
            top_coded=pl.col("age") == OLDEST,
            on_date="on",
            persons=1,
            status=pl.lit(None, dtype=pl.String),
        )
        .cast(SCHEMA)
    )


WHOLE = cells(2023, 2024, 2025)


def register(frame: pl.DataFrame = WHOLE, *, synthetic: bool = True) -> Register:
    origin = population_register(mini_region()).provenance
    return Register(frame, origin.model_copy(update={"synthetic": synthetic}))


def required(given: Register | None, years: range = YEARS, **more: Any) -> None:
    known = {"choice": "synthetic", "synthetic_persons": given is None} | more
    require_denominators(given, years, reference_dir(), **known)


def test_a_whole_register_is_taken() -> None:
    required(register())
    required(register(), synthetic_persons=True)
    required(register(synthetic=False), synthetic_persons=False)


def test_where_nothing_is_counted_nothing_is_needed() -> None:
    required(None, range(0))


CELL = (
    (pl.col("municipality") == "5001")
    & (pl.col("sex") == "male")
    & (pl.col("age") == 1)
    & (pl.col("on_date") == dt.date(2025, 1, 1))
)


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        (WHOLE.filter(~CELL), r"got 1 cells without a number \(2025\)"),
        (
            WHOLE.with_columns(persons=pl.when(~CELL).then("persons")),
            r"got 1 cells without a number \(2025\)",
        ),
        (WHOLE.filter(pl.col("on_date").dt.year() < 2025), r"got 402 cells .*\(2025\)"),
        (WHOLE.filter(pl.col("on_date").dt.year() > 2023), r"got 396 cells .*\(2023\)"),
        (WHOLE.filter(pl.col("municipality") != "1580"), r"got 12 cells .*\(2024, 2025\)"),
        (WHOLE.clear(), r"\(2023, 2024, 2025\)"),
    ],
    ids=["no row", "no number", "no last day", "no first day", "no part", "nothing"],
)
def test_a_register_that_lacks_a_number_is_refused(frame: pl.DataFrame, what: str) -> None:
    """The twin takes what is not known for nobody: all others still add up."""
    with pytest.raises(RegisterError, match=what) as caught:
        required(register(frame))
    assert "folkepuls register fetch" in str(caught.value)
    assert "FOLKEPULS_PUBLIC_DENOMINATORS=journal" in str(caught.value)
    assert frame["persons"].sum() < WHOLE["persons"].sum()


@pytest.mark.parametrize(
    ("synthetic_persons", "step"),
    [(True, "folkepuls synth --register"), (False, "folkepuls register fetch")],
)
def test_no_register_is_refused_with_the_next_step(synthetic_persons: bool, step: str) -> None:
    with pytest.raises(RegisterError, match="got none") as caught:
        required(None, synthetic_persons=synthetic_persons, choice="none")
    assert step in str(caught.value)
    assert "FOLKEPULS_POPULATION_REGISTER=none" in str(caught.value)
    assert "FOLKEPULS_PUBLIC_DENOMINATORS=journal" in str(caught.value)


def test_a_real_register_below_persons_who_do_not_exist_is_refused() -> None:
    with pytest.raises(RegisterError, match="real persons"):
        required(register(synthetic=False), synthetic_persons=True)


# --- codes over the turn of a year


def reference(folder: Path, municipalities: list[str], events: list[str]) -> Path:
    head = "municipality_code,valid_from,valid_to"
    (folder / "municipalities.csv").write_text("\n".join([head, *municipalities]) + "\n")
    head = "event_on,from_code,to_code,kind,description"
    (folder / "border_events.csv").write_text("\n".join([head, *events]) + "\n")
    return folder


OLD = "0001,2020-01-01,2023-12-31"
DIVIDED = ["2024-01-01,0001,0002,split,", "2024-01-01,0001,0003,split,"]


@pytest.mark.parametrize(
    ("municipalities", "events", "followed"),
    [
        (["0001,,"], [], ["0001"]),
        ([OLD, "0002,2024-01-01,", "0003,2024-01-01,"], DIVIDED, ["0002", "0003"]),
        # A new number is a division into one.
        ([OLD, "0002,2024-01-01,"], DIVIDED[:1], ["0002"]),
        # Merged: whose residents are whose cannot be told.
        ([OLD, "0004,,2023-12-31", "0002,2024-01-01,"],
         ["2024-01-01,0001,0002,merger,", "2024-01-01,0004,0002,merger,"], []),
        # A part went to a municipality that was there before.
        ([OLD, "0002,,", "0003,2024-01-01,"], DIVIDED, []),
        ([OLD], [], []),
    ],
    ids=["stays", "divided", "renumbered", "merged", "shared out", "vanished"],
)  # fmt: skip
def test_codes_are_followed_over_a_division_only(
    municipalities: list[str], events: list[str], followed: list[str], tmp_path: Path
) -> None:
    folder = reference(tmp_path, municipalities, events)
    found = register_codes(folder, range(2023, 2024))
    mine = found.filter(pl.col("municipality_code") == "0001")
    assert mine["register_code"].to_list() == followed
    if not followed:
        given = register(WHOLE.with_columns(municipality=pl.lit("0001")))
        with pytest.raises(RegisterError, match="merged at the end of 2023"):
            require_denominators(
                given, range(2023, 2024), folder, choice="ssb", synthetic_persons=True
            )


# --- the asset that everything below waits for


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home in which a synthetic delivery of 2023 and 2024 has been taken in."""
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    settings = Settings()
    zones = settings.zones.create()
    entry = LedgerEntry(
        source="synthetic", delivery="d", delivering_organisation="o", organisation="o",
        period_start="2023-01-01", period_end="2024-12-31",
        transaction_time="2025-01-15T00:00:00+00:00", kind="full", content_sha256="0" * 64,
        files=(), tables={"patient": 1},
    )  # fmt: skip
    (zones.deliveries / "synthetic__d.json").write_text(entry.model_dump_json())
    return settings


def laid_out() -> None:
    materialize(
        [population],
        resources={"folkepuls": FolkepulsResource()},
        run_config={"ops": {"register__population": {"config": RegisterConfig().model_dump()}}},
    )


def test_a_run_stops_before_anything_is_counted(home: Settings) -> None:
    with pytest.raises(RegisterError, match="public_denominators"):
        laid_out()
    assert not (home.zones.register / "population.parquet").exists()


def test_a_run_goes_on_with_a_register(home: Settings) -> None:
    keep(home.zones.register / "synthetic", register())
    laid_out()
    assert pl.read_parquet(home.zones.register / "population.parquet").height == WHOLE.height


def test_the_journal_is_chosen_by_name_only(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unlike a default that depends on what lies there: the twin of the first test."""
    monkeypatch.setenv("FOLKEPULS_PUBLIC_DENOMINATORS", "journal")
    laid_out()
    assert pl.read_parquet(home.zones.register / "population.parquet").is_empty()


def test_what_is_no_choice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().public_denominators == "register"
    monkeypatch.setenv("FOLKEPULS_PUBLIC_DENOMINATORS", "both")
    with pytest.raises(ValueError, match=re.escape("public_denominators")):
        Settings()


# --- what the doctor and a later run make of the choice


def verdict(settings: Settings) -> tuple[str, str]:
    (finding,) = [one for one in examine(settings) if one.subject == "public denominators"]
    return finding.verdict, finding.text


REAL = "helseplattformen"


@pytest.mark.parametrize(
    ("public_denominators", "brings", "delivers", "expected"),
    [
        ("register", None, False, ("note", "a run stops")),
        ("register", None, True, ("wrong", "a run stops")),
        ("register", "synthetic", False, ("ok", "syntetisk befolkning")),
        # A made-up register below real persons.
        ("register", "synthetic", True, ("wrong", "made-up")),
        ("journal", "synthetic", False, ("note", "tells of graded addresses")),
        ("journal", "synthetic", True, ("wrong", "tells of graded addresses")),
    ],
)
def test_the_doctor_demands_the_register_of_real_persons(
    public_denominators: str, brings: str | None, delivers: bool, expected: tuple[str, str],
    home: Settings, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("FOLKEPULS_PUBLIC_DENOMINATORS", public_denominators)
    if brings:
        keep(home.zones.register / brings, register())
    if delivers:
        (home.zones.inbox / REAL).mkdir()
    found, text = verdict(Settings())
    assert found == expected[0]
    assert expected[1] in text


def test_another_choice_is_another_candidate(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = input_fingerprint(home.zones)
    assert input_fingerprint(home.zones) == before
    monkeypatch.setenv("FOLKEPULS_PUBLIC_DENOMINATORS", "journal")
    assert input_fingerprint(home.zones) != before


def test_each_release_says_where_its_inhabitants_are_counted() -> None:
    of_register = register(synthetic=False).provenance.model_copy(
        update={
            "source": "Statistisk sentralbyrå",
            "licence": "CC BY 4.0",
            "updated": dt.datetime(2025, 2, 20, 7, tzinfo=dt.UTC),
        }
    )
    public = {spec.id for spec in catalogue().indicators.values() if spec.denominator.public}
    tables = {
        "journal": caveats_table(catalogue(), YEARS),
        "register": caveats_table(catalogue(), YEARS, register=of_register),
    }
    said = {name: set(table["caveat_id"]) for name, table in tables.items()}
    assert said["register"] - said["journal"] == {"inhabitants_of_the_register"}
    assert said["journal"] - said["register"] == {"graded_not_placed"}
    named = tables["register"].filter(pl.col("caveat_id") == "inhabitants_of_the_register")
    assert set(named["indicator_id"]) == public
    for text in named.select("text_nb", "text_nn", "text_en").unpivot()["value"]:
        for word in ("Statistisk sentralbyrå", "CC BY 4.0", "2025-02-20"):
            assert word in text
    undated = of_register.model_copy(update={"updated": None})
    told = caveats_table(catalogue(), YEARS, register=undated)
    told = told.filter(pl.col("caveat_id") == "inhabitants_of_the_register")
    assert set(told["text_nb"].str.contains("Kilde: Statistisk sentralbyrå, lisens")) == {True}
    adoption = pl.col("indicator_id") == "adoption_inhabitants_share"
    for table in tables.values():
        ids = table.filter(adoption)["caveat_id"]
        assert "graded_addresses_numerator_only" not in ids
        others = table.filter(pl.col("caveat_id") == "graded_addresses_numerator_only")
        assert set(others["indicator_id"]) == public - {"adoption_inhabitants_share"}


def test_models_and_catalogue_agree_on_what_the_register_counts() -> None:
    macros = (DBT_FOLDER / "macros" / "contributions.sql").read_text(encoding="utf-8")
    body = re.search(r"macro register_measures\(\) -%}\n(.*?)\n", macros)
    assert body is not None
    assert set(re.findall(r"'(\w+)'", body[1])) == PUBLIC_MEASURES | PUBLIC_NUMERATORS


@pytest.mark.parametrize(
    "change",
    [{"counting": "flow", "age_groups": (), "value_kinds": ("crude",), "headline_kind": "crude"},
     {"denominator": {"measure": "index_discharges", "unit": "stays", "public": True}}],
    ids=["a flow", "another measure"],
)  # fmt: skip
def test_only_what_the_register_counts_is_public(change: dict[str, Any]) -> None:
    entry = catalogue().indicators["emergency_admissions_per_1000"]
    with pytest.raises(ValueError, match="population register"):
        Indicator.model_validate(entry.model_dump() | change)
