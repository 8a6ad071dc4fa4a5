"""Release from quarantine: what the mended catalogue would have made at once, byte for byte.

Belongs here: lines and rows judged anew, dying midway, what stays. Does not belong here: the
command and the way back to the source (``test_quarantine_export``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.clients.delivered_files import Delivery
from pipelines.ingest import (
    IngestError,
    Options,
    Released,
    graded,
    ingest_refused,
    ledger,
    quarantine,
    quarantine_counts,
    release_lines,
    restricted,
)
from pipelines.ingest.ledger import read_ledger
from pipelines.ingest.quarantine import open_lines
from pipelines.settings import Zones
from tests.support.delivered_tables import encounter_row, write_tables
from tests.support.deliveries import (
    KEY,
    OTHER_KEY,
    address,
    encounter,
    line,
    patient,
    rows,
    take,
    tree,
    write_delivery,
)
from tests.support.empty_zones import empty_zones
from tests.support.older_catalogue import without_code

SEALED = Options(quarantine_key=KEY, threads=1)
NEW = {3, 11, 19}
STAYS: list[Any] = [
    encounter(n, n % 5, status="in-progress" if n in NEW else "finished") for n in range(24)
]
ROWS = [
    encounter_row(n, n % 5, Status="in-progress" if n in NEW else "finished") for n in range(24)
]
PEOPLE: list[Any] = [patient(n, gender="female") for n in range(5)]
PEOPLE[1] = patient(1, graded="V", gender="male")
FORMS: dict[str, Callable[[Path], Delivery]] = {
    "ndjson": lambda inbox: write_delivery(inbox, "s1", {"Encounter-1.ndjson": STAYS}),
    "ndjson.gz": lambda inbox: write_delivery(inbox, "s1", {"Encounter-1.ndjson.gz": STAYS}),
    "csv": lambda inbox: write_tables(inbox, "s1", {"EncounterFact-1.csv": ROWS}),
    "csv.gz": lambda inbox: write_tables(inbox, "s1", {"EncounterFact-1.csv.gz": ROWS}),
    "parquet": lambda inbox: write_tables(inbox, "s1", {"EncounterFact-1.parquet": ROWS}),
}


def persons(inbox: Path) -> Delivery:
    people = {"Patient-1.ndjson": PEOPLE}
    return write_delivery(inbox, "p1", people, organisation="personregister")


def before_the_fix(zones: Zones, *deliveries: Delivery) -> None:
    """Take deliveries in while the catalogue knows neither ``in-progress`` nor ``male``."""
    with without_code("Encounter", "status", "in-progress"), without_code("Patient", "sex", "male"):
        for delivery in deliveries:
            for file in take(zones, delivery, options=SEALED).files:
                assert file.quarantined.get("code_not_allowed"), file


def at_once(home: Path, *deliveries: Delivery) -> Zones:
    """What the mended catalogue makes of the same deliveries."""
    zones = empty_zones(home)
    for delivery in deliveries:
        take(zones, delivery, options=SEALED)
    return zones


@pytest.mark.parametrize("form", FORMS)
def test_what_is_released_is_what_the_mended_catalogue_makes_at_once(
    form: str, tmp_path: Path
) -> None:
    found = (persons(tmp_path / "inbox"), FORMS[form](tmp_path / "inbox"))
    zones = empty_zones(tmp_path / "home")
    before_the_fix(zones, *found)
    assert rows(zones, "encounter").height == 21
    released = release_lines(zones, KEY, options=SEALED)
    assert [(each.released, dict(each.left)) for each in released] == [(1, {}), (3, {})]
    expected = at_once(tmp_path / "other", *found)
    assert tree(zones.restricted) == tree(expected.restricted)
    assert tree(zones.steward) == tree(expected.steward)
    assert quarantine_counts(zones).is_empty()
    assert not [path for path in zones.quarantine.rglob("*") if path.is_file()]
    assert release_lines(zones, KEY, options=SEALED) == []


def test_before_the_fix_the_zones_differ(tmp_path: Path) -> None:
    """Twin: without release, what was quarantined is missing, and a graded person shows."""
    found = (persons(tmp_path / "inbox"), FORMS["csv"](tmp_path / "inbox"))
    zones = empty_zones(tmp_path / "home")
    before_the_fix(zones, *found)
    assert release_nothing(zones) == [1, 3]
    assert tree(zones.journal) != tree(at_once(tmp_path / "other", *found).journal)
    assert rows(zones, "encounter")["hospital_code"].null_count() == 0


def release_nothing(zones: Zones) -> list[int]:
    """By a catalogue that still does not know the codes, all lines stay."""
    with without_code("Encounter", "status", "in-progress"), without_code("Patient", "sex", "male"):
        released = release_lines(zones, KEY, options=SEALED)
    assert [each.released for each in released] == [0] * len(released)
    return [each.left["code_not_allowed"] for each in released]


@pytest.fixture(scope="module")
def before_and_mended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Zones, Zones]:
    """Zones before the fix, to be copied, and what the mended catalogue makes of the same."""
    folder = tmp_path_factory.mktemp("zones")
    found = (FORMS["csv"](folder / "inbox"), persons(folder / "inbox"))
    zones = empty_zones(folder / "before")
    before_the_fix(zones, *found)
    return zones, at_once(folder / "mended", *found)


STEPS = [
    (restricted, "add_rows"),
    (restricted, "redact_committed"),
    (graded, "write_graded"),
    (ledger, "update_tables"),
    (quarantine, "write_counts"),
    (ledger, "commit"),
    (quarantine, "store_lines"),
]


@pytest.mark.parametrize(("module", "step"), STEPS, ids=[step for _, step in STEPS])
@pytest.mark.parametrize(
    "after", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["before", "after"]
)
def test_dying_at_any_step_is_finished_by_running_again(
    module: Any,
    step: str,
    after: bool,
    before_and_mended: tuple[Zones, Zones],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class PowerCutError(BaseException):
        pass

    before, expected = before_and_mended
    zones = Zones(shutil.copytree(before.home, tmp_path / "home"))
    real = getattr(module, step)

    def die(*args: Any, **options: Any) -> None:
        if after:
            real(*args, **options)
        raise PowerCutError

    with monkeypatch.context() as patched:
        patched.setattr(module, step, die)
        with pytest.raises(PowerCutError):
            release_lines(zones, KEY, options=SEALED)
    release_lines(zones, KEY, options=SEALED)
    assert tree(zones.restricted) == tree(expected.restricted)
    assert tree(zones.steward) == tree(expected.steward)
    assert release_lines(zones, KEY, options=SEALED) == []


def test_what_still_fails_stays_with_the_reason_it_has_now(tmp_path: Path) -> None:
    lines = list(STAYS)
    lines[11] = encounter(11, 1, status="in-progress", period={"start": "i fjor"})
    lines[15] = line(encounter(15))[:-5]
    lines.append(encounter(2))
    lines.append(line(encounter(99, text={"div": "x" * 5_000_000})))
    zones = empty_zones(tmp_path / "home")
    delivery = write_delivery(zones.inbox, "s1", {"Encounter-1.ndjson": lines})
    with without_code("Encounter", "status", "in-progress"):
        take(zones, delivery, options=SEALED)
    (released,) = release_lines(zones, KEY, options=SEALED)
    left = {"invalid_date": 1, "broken_json": 1, "repeated_resource": 1, "line_too_long": 1}
    assert released == Released("synthetic__s1", "Encounter-1.ndjson", 2, left)
    (path,) = quarantine.stored_files(zones, delivery.id).values()
    kept = [(each.line, each.reason, each.column) for each in open_lines(path, KEY)]
    assert kept == [
        (12, "invalid_date", "started_on"),
        (16, "broken_json", ""),
        (25, "repeated_resource", "encounter_key"),
        (26, "line_too_long", ""),
    ]
    (entry,) = read_ledger(zones).values()
    assert dict(entry.files[0].quarantined_by_reason) == left
    counts = quarantine_counts(zones)
    assert dict(counts.select("reason", "rows").iter_rows()) == left
    expected = at_once(tmp_path / "other", delivery)
    assert tree(zones.restricted) == tree(expected.restricted)


def test_of_lines_that_bring_one_resource_the_first_is_released(tmp_path: Path) -> None:
    lines = [*STAYS, encounter(3, 3, status="in-progress", priority=None)]
    zones = empty_zones(tmp_path / "home")
    delivery = write_delivery(zones.inbox, "s1", {"Encounter-1.ndjson": lines})
    with without_code("Encounter", "status", "in-progress"):
        take(zones, delivery, options=SEALED)
    (released,) = release_lines(zones, KEY, options=SEALED)
    assert (released.released, dict(released.left)) == (3, {"repeated_resource": 1})
    expected = at_once(tmp_path / "other", delivery)
    assert tree(zones.restricted) == tree(expected.restricted)


def test_spells_that_are_there_twice_stay_so(tmp_path: Path) -> None:
    """Rows of other persons, which no release is about, stay as they are."""
    twice = [address("5001", "2000-01-01"), address("5001", "2000-01-01")]
    people = [patient(n, address=twice) for n in range(6)]
    zones = empty_zones(tmp_path / "home")
    delivery = write_delivery(
        zones.inbox, "p1", {"Patient-1.ndjson": people}, organisation="personregister"
    )
    with without_code("Patient", "sex", "male"):
        take(zones, delivery, options=SEALED)
    release_lines(zones, KEY, options=SEALED)
    expected = at_once(tmp_path / "other", delivery)
    assert tree(zones.journal) == tree(expected.journal)


def test_a_wrong_key_or_none_or_an_unknown_delivery_changes_nothing(tmp_path: Path) -> None:
    zones = empty_zones(tmp_path / "home")
    before_the_fix(zones, FORMS["csv"](zones.inbox))
    was = tree(zones.home)
    for key in (OTHER_KEY, None):
        with pytest.raises(IngestError) as caught:
            release_lines(zones, KEY, options=Options(quarantine_key=key))
        assert "EncounterFact-1.csv" in str(caught.value)
    with pytest.raises(IngestError, match="No delivery synthetic__x"):
        release_lines(zones, KEY, ["synthetic__x"], options=SEALED)
    assert tree(zones.home) == was


@pytest.mark.parametrize("form", ["ndjson", "csv.gz", "parquet"])
def test_a_refused_file_is_tried_again_by_the_mended_catalogue(form: str, tmp_path: Path) -> None:
    zones = empty_zones(tmp_path / "home")
    found = FORMS[form](zones.inbox)
    with without_code("Encounter", "status", "finished"):
        (file,) = take(zones, found, options=SEALED).files
        assert file.reason == "too_many_bad_lines"
        again = ingest_refused(zones, KEY, options=SEALED)
        assert [each.reason for _, each in again] == ["too_many_bad_lines"]
    ((delivery, result),) = ingest_refused(zones, KEY, options=SEALED)
    assert (delivery, result.state, result.loaded_rows) == (found.id, "loaded", 24)
    assert tree(zones.restricted) == tree(at_once(tmp_path / "other", found).restricted)
    assert ingest_refused(zones, KEY, options=SEALED) == []


def test_trying_a_refused_file_again_leaves_nothing_old_in_quarantine(tmp_path: Path) -> None:
    """A file beside it had lines in quarantine, which pass now."""
    zones = empty_zones(tmp_path / "home")
    bad = [encounter(100 + n, priority={"coding": [{"code": "XX"}]}) for n in range(20)]
    files = {"Encounter-1.ndjson": STAYS, "Encounter-2.ndjson": bad}
    found = write_delivery(zones.inbox, "s1", files)
    with without_code("Encounter", "status", "in-progress"):
        states = [file.state for file in take(zones, found, options=SEALED).files]
    assert states == ["loaded", "refused"]
    ingest_refused(zones, KEY, options=SEALED)
    assert quarantine.stored_files(zones, found.id) == {}
    assert release_lines(zones, KEY, options=SEALED) == []
    assert tree(zones.restricted) == tree(at_once(tmp_path / "other", found).restricted)
