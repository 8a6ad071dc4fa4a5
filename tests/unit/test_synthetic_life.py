"""The life of a journal in what is delivered, and the truth that stays right through it."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from pipelines.synthetic import (
    Region,
    SyntheticSettings,
    generate_tables,
    indicator_truth,
    phenomena,
    write_extract,
)
from pipelines.synthetic.truth_coverage import load_coverage
from pipelines.synthetic.truth_persons import reserved, world
from tests.support.delivered_lines import Resource, deliveries, latest

SETTINGS = SyntheticSettings(scale=0.01, whole=True, life=True, new_number_from=2025)
FNR, D_NUMBER = "urn:oid:2.16.578.1.12.4.1.4.1", "urn:oid:2.16.578.1.12.4.1.4.2"
Versions = dict[str, list[tuple[int, Resource]]]


@pytest.fixture(scope="module")
def region() -> Region:
    return generate_tables(SETTINGS)


@pytest.fixture(scope="module")
def folder(region: Region, tmp_path_factory: pytest.TempPathFactory) -> Path:
    inbox = tmp_path_factory.mktemp("inbox")
    write_extract(region, inbox)
    return inbox / "synthetic"


@pytest.fixture(scope="module")
def sent(folder: Path) -> dict[str, list[tuple[int, Resource]]]:
    told = {"Patient", "Encounter", "Condition", "MedicationRequest", "DocumentReference", "Bundle",
            "Consent"}  # fmt: skip
    return deliveries(folder, told)


@pytest.fixture(scope="module")
def patients(sent: dict[str, list[tuple[int, Resource]]]) -> Versions:
    found: Versions = defaultdict(list)
    for year, resource in sent["Patient"]:
        found[resource["id"]].append((year, resource))
    return found


@pytest.fixture(scope="module")
def truth(region: Region) -> dict[str, dict[int, int]]:
    """Phenomenon → year → how often."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    summed = phenomena(region).group_by("phenomenon", "year").agg(pl.col("count").sum())
    for phenomenon, year, times in summed.iter_rows():
        found[phenomenon][year] = times
    return found


def by_year(years: list[int]) -> dict[int, int]:
    return {year: years.count(year) for year in sorted(set(years))}


def system(resource: Resource) -> str:
    return str(resource["identifier"][0]["system"])


def links(resource: Resource) -> list[str]:
    return [link["type"] for link in resource.get("link", [])]


def changes(patients: Versions, before: str, after: str) -> list[int]:
    """Years in which a resource that came with one kind of number came with another."""
    years = []
    for versions in patients.values():
        pairs = pairwise(versions)
        years += [y for (_, a), (y, b) in pairs if system(a) == before and system(b) == after]
    return years


@pytest.mark.parametrize(
    ("phenomenon", "before"), [("d_numbers_replaced", D_NUMBER), ("newborns_numbered", "HNR")]
)
def test_a_number_is_replaced_in_the_same_resource(
    phenomenon: str, before: str, truth: dict, region: Region, patients: Versions
) -> None:
    found = by_year(changes(patients, before, FNR))
    assert found
    assert found == truth[phenomenon]


def test_local_numbers_say_whose_they_are(patients: Versions) -> None:
    local = [r for versions in patients.values() for _, r in versions if system(r) == "HNR"]
    assert local
    for resource in local:
        (identifier,) = resource["identifier"]
        assert identifier["assigner"]["display"] == "St. Olavs hospital"
        assert not identifier["value"].isdigit()
    # In the end everybody has a number of the region's register.
    assert not [v for v in patients.values() if system(v[-1][1]) == "HNR"]


def test_second_resources_are_linked_and_carry_events(
    truth: dict, region: Region, patients: Versions, sent: dict
) -> None:
    second = {
        key: versions for key, versions in patients.items()
        if links(versions[-1][1]) == ["replaced-by"]
    }  # fmt: skip
    assert by_year([v[-1][0] for v in second.values()]) == truth["second_resources_linked"]
    for versions in second.values():
        last = versions[-1][1]
        first = last["link"][0]["other"]["reference"].removeprefix("Patient/")
        assert links(patients[first][-1][1]) == ["replaces"]
        other = patients[first][-1][1]
        assert last["birthDate"] == other["birthDate"]
        assert last["identifier"][0]["value"] != other["identifier"][0]["value"]
        assert links(versions[0][1]) == []
    referred = {
        r["subject"]["reference"].removeprefix("Patient/") for _, r in sent["MedicationRequest"]
    }
    assert len(referred & set(second)) > len(second) / 4


def test_a_mistaken_merge_is_parted(truth: dict, region: Region, patients: Versions) -> None:
    parted = []
    for versions in patients.values():
        pairs = pairwise(versions)
        parted += [y for (_, a), (y, b) in pairs if links(a) == ["replaced-by"] and not links(b)]
    assert parted
    assert by_year(parted) == truth["mistaken_merges_parted"]


def test_deletions_name_what_came_before(truth: dict, region: Region, sent: dict) -> None:
    for entity, frame in (
        ("Encounter", "encounters"),
        ("Condition", "conditions"),
        ("MedicationRequest", "prescriptions"),
        ("DocumentReference", "journal_entries"),
    ):
        came = {r["id"]: year for year, r in reversed(sent[entity])}
        gone = [
            (year, entry["request"]["url"].removeprefix(f"{entity}/"))
            for year, bundle in sent["Bundle"]
            for entry in bundle["entry"]
            if entry["request"]["url"].startswith(f"{entity}/")
        ]
        assert all(came[key] == year - 1 for year, key in gone)
        assert by_year([year for year, _ in gone]) == truth[f"deleted_{frame}"]
        left = set(came) - {key for _, key in gone}
        own = sum(1 for key in left if key[:3] in ("enk", "dia", "res", "jou"))
        assert own == getattr(region, frame).height


def test_late_and_corrected_rows_come_a_year_later(truth: dict, region: Region, sent: dict) -> None:
    late = defaultdict(list)
    for year, resource in sent["DocumentReference"]:
        late[resource["id"]].append((year, resource))
    years = [
        versions[0][0] for versions in late.values()
        if int(versions[0][1]["date"][:4]) < versions[0][0]
    ]  # fmt: skip
    assert by_year(years) == truth["late_journal_entries"]
    twice = {key: versions for key, versions in late.items() if len(versions) == 2}
    assert by_year([v[-1][0] for v in twice.values()]) == truth["corrected_journal_entries"]
    forms = dict(region.journal_entries.select("entry", "form").iter_rows())
    for key, ((first, wrong), (second, right)) in twice.items():
        assert second == first + 1
        said = [r["category"][0]["coding"][0]["code"] for r in (wrong, right)]
        assert said[0] != said[1] == forms[int(key.removeprefix("jou-"))]


@pytest.mark.parametrize(
    ("entity", "frame", "prefix", "number", "column", "read"),
    [
        ("Condition", "conditions", "dia-", "condition", "written_code",
         lambda r: r["code"]["coding"][0]["code"]),
        ("MedicationRequest", "prescriptions", "res-", "prescription", "atc_code",
         lambda r: r["medicationCodeableConcept"]["coding"][0]["code"]),
        ("Encounter", "encounters", "enk-", "encounter", "priority_code",
         lambda r: r["priority"]["coding"][0]["code"]),
    ],
)  # fmt: skip
def test_the_last_version_is_what_the_tables_say(
    entity: str, frame: str, prefix: str, number: str, column: str, read, region: Region, sent: dict
) -> None:
    last = latest(sent[entity])
    for key, value in getattr(region, frame).select(number, column).iter_rows():
        assert read(last[f"{prefix}{key:08d}"]) == value


def test_reservations_are_given_and_lifted(truth: dict, region: Region, sent: dict) -> None:
    versions = defaultdict(list)
    for year, resource in sent["Consent"]:
        versions[resource["id"]].append((year, resource))
    lifted = [v for v in versions.values() if v[-1][1]["status"] == "inactive"]
    assert lifted
    for version in lifted:
        (given, before), (ended, after) = version
        assert ended == given + 1
        assert "end" not in before["provision"]["period"]
        assert int(after["provision"]["period"]["end"][:4]) == ended
    for purpose in ("planning", "research"):
        found = [
            int(v[0][1]["provision"]["period"]["start"][:4]) for v in versions.values()
            if v[0][1]["provision"]["purpose"][0]["code"] == purpose
        ]  # fmt: skip
        assert by_year(found) == truth[f"reserved_{purpose}"]


def test_the_reserved_are_in_no_figure(region: Region) -> None:
    out = reserved(region)
    assert out.len() > 5
    seen = world(region, load_coverage())
    assert not seen.persons["person"].is_in(out.implode()).any()
    assert not seen.spells["person"].is_in(out.implode()).any()
    assert not seen.region.journal_entries["person"].is_in(out.implode()).any()
    # The twin: without the rule they would be.
    assert region.persons["person"].is_in(out.implode()).sum() == out.len()


def test_life_moves_no_truth_but_that_of_the_reserved(region: Region) -> None:
    calm = generate_tables(SyntheticSettings(scale=SETTINGS.scale, whole=True))
    key = ["indicator_id", "area_level", "area_code", "sex", "age_group", "year"]
    ours, theirs = indicator_truth(region)[0], indicator_truth(calm)[0]
    joined = ours.join(theirs, on=key, suffix="_calm", validate="1:1")
    assert joined.height == ours.height == theirs.height
    assert (joined["numerator"] <= joined["numerator_calm"]).all()
    lost = (joined["denominator_calm"] - joined["denominator"]).max()
    assert 0 < lost <= 4 * reserved(region).len() * 366


def test_the_municipalities_change_their_number(folder: Path) -> None:
    for path in folder.iterdir():
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        own = path.name[:-5]
        changed = own == "kommuner" and path.name.endswith("2025")
        assert manifest["delivering_organisation"] == ("org-923456789" if changed else own)
        assert manifest["delivery"] == path.name


def test_life_needs_a_whole_region() -> None:
    with pytest.raises(ValueError, match="life"):
        SyntheticSettings(life=True)
