"""Source profiles: what may stand in them, and what is told when it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.catalogue.loader import CatalogueError
from pipelines.catalogue.profiles import find_profile, list_profiles, load_kinds, load_profile
from tests.support.bulk_server.homes import profile, site, write_profile

BASE = "https://fhir.example.org"
KEY = {"key_id": "k", "algorithm": "ES384", "file": "/etc/folkepuls/k.pem"}


def test_the_shipped_kinds() -> None:
    assert set(load_kinds()) == {"smart-reference", "epic", "hapi"}
    epic = load_kinds()["epic"].server
    assert epic.levels == ("group",)
    assert not epic.since
    assert epic.delete == "required"
    assert epic.concurrency == "one_per_group"


@pytest.mark.parametrize("kind", ["smart-reference", "epic", "hapi"])
def test_a_site_extends_a_kind_and_may_differ(kind: str, tmp_path: Path) -> None:
    chosen = profile(
        tmp_path, BASE, extends=kind, server={"delete": "never"}, budgets={"downloads": 5}
    )
    assert chosen.name == "test"
    assert chosen.kind == kind
    assert chosen.server.delete == "never"
    assert chosen.server.kickoff == load_kinds()[kind].server.kickoff
    assert chosen.budgets.downloads == 5
    assert chosen.budgets.longest_wait_seconds == load_kinds()[kind].budgets.longest_wait_seconds


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"colour": "red"}, "colour"),
        ({"extends": "cerner"}, "extends"),
        ({"source": "nobody"}, "source"),
        ({"delivering_organisation": "nobody"}, "delivering_organisation"),
        ({"base_url": "http://fhir.example.org"}, "base_url"),
        ({"base_url": "https://u:p@fhir.example.org"}, "base_url"),
        ({"base_url": "https://fhir.example.org?x=1"}, "base_url"),
        ({"base_url": "file:///etc"}, "base_url"),
        ({"types": []}, "types"),
        ({"types": ["Encounter", "Encounter"]}, "types"),
        ({"types": ["Encounter", "Bundle"]}, "types"),
        ({"types": ["Enkounter"], "never_empty": None}, "types"),
        ({"types": ["Patient"], "never_empty": None}, "types"),
        ({"types": ["../x"]}, "types"),
        ({"ignored_types": ["Encounter"]}, "types"),
        ({"never_empty": ["Patient"]}, "never_empty"),
        ({"filters": ["Patient?x=1"]}, "filters"),
        ({"filters": ["Encounter?x y"]}, "filters"),
        ({"groups": [{"name": "a", "id": "1"}, {"name": "a", "id": "2"}]}, "groups"),
        ({"groups": [{"name": "a", "id": "1"}, {"name": "b", "id": "1"}]}, "groups"),
        ({"groups": [{"name": "a", "id": "../1"}]}, "groups"),
        ({"groups": [{"name": "../a", "id": "1"}]}, "groups"),
        ({"groups": [{"name": "a__b", "id": "1"}]}, "groups"),
        ({"extends": "epic", "groups": []}, "groups"),
        ({"output_origins": ["https://x.example/path"]}, "output_origins"),
        ({"output_origins": ["http://x.example"]}, "output_origins"),
        ({"output_origins": ["*"]}, "output_origins"),
        ({"token_origins": ["x.example"]}, "token_origins"),
        ({"networks": ["8.8.8.0/24"]}, "networks"),
        ({"networks": ["0.0.0.0/0"]}, "networks"),
        ({"server": {"sinse": True}}, "server.sinse"),
        ({"budgets": {"tries": 7}}, "budgets.tries"),
        ({"budgets": {"longest_wait_seconds": 10**6}}, "budgets.longest_wait_seconds"),
        ({"auth": {"client_id": "x", "keys": []}}, "auth.keys"),
        ({"auth": {"client_id": "x", "keys": [{**KEY, "environment": "KEY"}]}}, "auth.keys"),
        ({"auth": {"client_id": "x", "keys": [{**KEY, "file": "k.pem"}]}}, "auth.keys"),
        ({"auth": {"client_id": "x", "keys": [{**KEY, "algorithm": "HS256"}]}}, "algorithm"),
        ({"auth": {"client_id": "x", "keys": [{**KEY, "secret": "s3cret"}]}}, "secret"),
        ({"period_start": "soon"}, "period_start"),
    ],
)
def test_a_wrong_profile_is_told_by_file_and_key(
    changes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    path = write_profile(tmp_path, site(BASE, **changes))
    with pytest.raises(CatalogueError) as caught:
        load_profile(path)
    assert str(caught.value).startswith("test.yml: ")
    assert told in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_number_that_the_organisation_is_known_by_will_do(tmp_path: Path) -> None:
    chosen = profile(
        tmp_path,
        BASE,
        delivering_organisation="org-923456789",
        types=["EpisodeOfCare"],
        never_empty=[],
    )
    assert chosen.site.delivering_organisation == "org-923456789"


def test_persons_are_what_must_not_be_missing(tmp_path: Path) -> None:
    chosen = profile(
        tmp_path,
        BASE,
        delivering_organisation="personregister",
        types=["Patient"],
        never_empty=None,
    )
    assert chosen.never_empty == ("Patient",)


def test_a_profile_is_found_by_name_or_path(tmp_path: Path) -> None:
    path = write_profile(tmp_path, site(BASE), "st-olav")
    assert find_profile("st-olav", tmp_path) == path
    assert find_profile(str(path), Path("/nowhere")) == path
    assert list_profiles(tmp_path) == [path]
    assert list_profiles(tmp_path / "none") == []
    for wrong in ("nobody", "../st-olav", "/etc/nobody.yml"):
        with pytest.raises(CatalogueError, match="FOLKEPULS_PROFILES"):
            find_profile(wrong, tmp_path)


def test_a_shard_must_be_named_where_there_are_some(tmp_path: Path) -> None:
    chosen = profile(tmp_path, BASE)
    assert chosen.shard("trondheim-1") == chosen.site.groups[0]
    for wrong in (None, "oslo"):
        with pytest.raises(CatalogueError, match="trondheim-1"):
            chosen.shard(wrong)
    assert profile(tmp_path, BASE, groups=[]).shard(None) is None


def test_the_longest_names_still_make_a_delivery(tmp_path: Path) -> None:
    import datetime as dt

    from pipelines.clients.bulk.delivery import delivery_name
    from pipelines.clients.delivered_files import check_folder_name

    longest = "a" * 32
    groups = [{"name": longest, "id": "1"}]
    chosen = load_profile(write_profile(tmp_path, site(BASE, groups=groups), longest))
    moment = dt.datetime(2025, 3, 3, 8, 0, 0, 123456, tzinfo=dt.UTC)
    name = delivery_name(chosen, chosen.site.groups[0], moment)
    check_folder_name(name)
    assert name.endswith("-20250303T080000123456Z")
    too_long = write_profile(tmp_path, site(BASE), "a" * 33)
    with pytest.raises(CatalogueError, match="name"):
        load_profile(too_long)
