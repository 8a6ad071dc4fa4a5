"""Deliveries in an inbox: found, judged by manifest, and never a step outside their folder."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import fsspec
import pytest

from pipelines.clients.delivered_files import (
    MANIFEST_LIMIT,
    Delivery,
    DeliveryRefusedError,
    Manifest,
    ManifestFile,
    check_file_name,
    check_folder_name,
    find_deliveries,
    open_file,
    read_manifest,
    unlisted_files,
)
from tests.support.deliveries import encounter, write_delivery

SHA = "0" * 64

TRAVERSALS = [
    "../Encounter-1.ndjson",
    "../../etc/passwd",
    "..",
    ".",
    "",
    "/etc/passwd",
    "//server/Encounter.ndjson",
    "Encounter/../x.ndjson",
    "./Encounter-1.ndjson",
    "sub/Encounter-1.ndjson",
    "Encounter-1.ndjson/",
    "Encounter-1.ndjson/..",
    "..\\Encounter-1.ndjson",
    "C:\\Encounter-1.ndjson",
    "C:Encounter-1.ndjson",
    "\\\\server\\share\\Encounter-1.ndjson",
    "%2e%2e%2fEncounter-1.ndjson",
    "%2e%2e/Encounter-1.ndjson",
    "..%2fEncounter-1.ndjson",
    "..%252fEncounter-1.ndjson",
    "..%c0%afEncounter-1.ndjson",
    "Encounter-1.ndjson%00.gz",
    "Encounter-1.ndjson\x00",
    "Encounter-1\x00.ndjson",
    "Encounter-1.ndjson\n",
    "\nEncounter-1.ndjson",
    "Encounter-1.ndjson ",
    " Encounter-1.ndjson",
    "Encounter 1.ndjson",
    "Encounter-1.ndjson:stream",
    "~/Encounter-1.ndjson",
    "~root/Encounter.ndjson",
    "$HOME/Encounter.ndjson",
    "${HOME}.ndjson",
    "`id`.ndjson",
    "file:///etc/passwd",
    "http://localhost/Encounter-1.ndjson",
    "s3://bucket/Encounter-1.ndjson",
    "Encounter-1.ndjson::http://x",
    "zip://Encounter-1.ndjson::a.zip",
    "Encounter-*.ndjson",
    "Encounter-?.ndjson",
    "Encounter-[1].ndjson",
    "Encounter-1.ndjson.gz.exe",
    "Encounter-1.parquet",
    "manifest.json",
    ".Encounter-1.ndjson",
    "-Encounter.ndjson",
    "encounter-1.ndjson",
    "Encounter-" + "1" * 200 + ".ndjson",
    "Encounter-‮1.ndjson",
    "Encounter‑1.ndjson",
    "Еncounter-1.ndjson",
    "．．/Encounter-1.ndjson",
    "Patient-1.ndjson",
    "EncounterX-1.ndjson",
]


def file(name: str) -> ManifestFile:
    return ManifestFile(
        name=name,
        entity="Encounter",
        format="ndjson",
        compression="gzip" if name.endswith(".gz") else "none",
        rows=1,
        bytes=1,
        sha256=SHA,
    )


@pytest.mark.parametrize("name", TRAVERSALS)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(DeliveryRefusedError, match=r"unsafe_name: files\[3\]"):
        check_file_name(file(name), 3)


def test_there_are_enough_of_them() -> None:
    assert len(set(TRAVERSALS)) >= 40


@pytest.mark.parametrize(
    "name", ["Encounter.ndjson", "Encounter-0001.ndjson.gz", "Encounter_a-B.ndjson"]
)
def test_plain_names_pass(name: str) -> None:
    check_file_name(file(name), 0)


@pytest.mark.parametrize("name", TRAVERSALS[:12])
def test_a_manifest_with_such_a_name_opens_nothing(name: str, tmp_path: Path) -> None:
    outside = tmp_path / "Encounter-1.ndjson"
    outside.write_text("secret")

    def spoil(manifest: dict[str, Any]) -> None:
        manifest["files"][0]["name"] = name

    delivery = write_delivery(tmp_path / "inbox", "d1", {"Encounter-1.ndjson": []}, change=spoil)
    with pytest.raises(DeliveryRefusedError) as caught:
        read_manifest(delivery)
    assert caught.value.reason in ("unsafe_name", "manifest_invalid")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["a__b", "a b", "../x", "", "é", "-x", "x" * 101])
def test_folder_names_are_plain(name: str) -> None:
    with pytest.raises(DeliveryRefusedError, match="unsafe_name"):
        check_folder_name(name)


def test_symbolic_links_are_never_followed(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    delivery = write_delivery(inbox, "d1", {"Encounter-1.ndjson": [encounter(1)]})
    target = tmp_path / "target"
    target.write_text("secret")
    link = Path(delivery.url) / "Encounter-1.ndjson"
    link.unlink()
    link.symlink_to(target)
    with (
        pytest.raises(DeliveryRefusedError, match="file_unreadable"),
        open_file(delivery, link.name),
    ):
        pass
    os.mkfifo(Path(delivery.url) / "Encounter-2.ndjson")
    with (
        pytest.raises(DeliveryRefusedError, match="file_unreadable"),
        open_file(delivery, "Encounter-2.ndjson"),
    ):
        pass
    linked = inbox / "synthetic" / "d2"
    linked.symlink_to(delivery.url)
    (inbox / "linked").symlink_to(inbox / "synthetic")
    (inbox / "synthetic" / ".d3.copying").mkdir()
    (inbox / "synthetic" / "a__b").mkdir()
    (inbox / "notes.txt").write_text("x")
    problems = {d.name: d.problem for d in find_deliveries(inbox)}
    assert set(problems) == {"d1", "d2", "a__b", ""}
    assert problems["d1"] is None
    for name in ("d2", "a__b", ""):
        with pytest.raises(DeliveryRefusedError, match="unsafe_name"):
            read_manifest(next(d for d in find_deliveries(inbox) if d.name == name))
    unsafe = next(d for d in find_deliveries(inbox) if d.name == "a__b")
    assert unsafe.id.startswith("unsafe__")
    assert "a__b" not in unsafe.id


def test_a_linked_delivery_folder_opens_nothing(tmp_path: Path) -> None:
    real = write_delivery(tmp_path, "d1", {"Encounter-1.ndjson": [encounter(1)]})
    link = tmp_path / "link"
    link.symlink_to(real.url)
    with (
        pytest.raises(DeliveryRefusedError),
        open_file(Delivery("synthetic", "link", str(link)), "Encounter-1.ndjson"),
    ):
        pass


def test_an_inbox_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert find_deliveries(tmp_path / "none") == []
    assert find_deliveries("memory://none-there") == []


def test_an_fsspec_inbox_is_read_like_a_folder(tmp_path: Path) -> None:
    local = write_delivery(tmp_path, "d1", {"Encounter-1.ndjson": [encounter(1)]})
    system = fsspec.filesystem("memory")
    system.put(local.url, "/inbox/synthetic/d1", recursive=True)
    try:
        system.pipe("/inbox/synthetic/d1/extra.txt", b"x")
        (found,) = find_deliveries("memory://inbox")
        manifest = read_manifest(found)
        assert manifest.files[0].name == "Encounter-1.ndjson"
        assert unlisted_files(found, manifest) == ["extra.txt"]
        with open_file(found, "Encounter-1.ndjson") as stream:
            assert stream.read() == (Path(local.url) / "Encounter-1.ndjson").read_bytes()
        with pytest.raises(DeliveryRefusedError, match="file_missing"), open_file(found, "Nothing"):
            pass
    finally:
        system.rm("/inbox", recursive=True)


def test_files_beside_the_manifest_are_told(tmp_path: Path) -> None:
    delivery = write_delivery(tmp_path, "d1", {"Encounter-1.ndjson": [encounter(1)]})
    (Path(delivery.url) / "surprise.csv").write_text("x")
    assert unlisted_files(delivery, read_manifest(delivery)) == ["surprise.csv"]


CANARY = "13097248022"


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda m: m.pop("period_start"), "period_start"),
        (lambda m: m.update(manifest_version=2), "manifest_version"),
        (lambda m: m.update(kind=CANARY), "kind"),
        (lambda m: m.update(transaction_time="2025-01-05T03:00:00"), "transaction_time"),
        (lambda m: m.update(period_end="2023-01-01"), "manifest"),
        (lambda m: m.update(files=[]), "files"),
        (lambda m: m.update({CANARY: 1}), "1 keys that a manifest does not have"),
        (lambda m: m["files"][0].update(sha256=CANARY), "files.0.sha256"),
        (lambda m: m["files"][0].update(rows="7"), "files.0.rows"),
        (lambda m: m["files"][0].update(rows=-1), "files.0.rows"),
        (lambda m: m["files"][0].update(compression="gzip"), "files.0"),
        (lambda m: m["files"].append(m["files"][0]), "manifest"),
    ],
)
def test_a_wrong_manifest_names_the_field_and_not_its_content(
    spoil: Any, named: str, tmp_path: Path
) -> None:
    delivery = write_delivery(tmp_path, "d1", {"Encounter-1.ndjson": [encounter(1)]}, change=spoil)
    with pytest.raises(DeliveryRefusedError) as caught:
        read_manifest(delivery)
    assert caught.value.reason == "manifest_invalid"
    assert named in caught.value.detail
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b'{"a":1,"a":2}',
        b"\xff\xfe{}",
        b"[" * 100_000,
        b" " * (MANIFEST_LIMIT + 1),
    ],
)
def test_what_is_no_manifest(text: bytes, tmp_path: Path) -> None:
    delivery = write_delivery(tmp_path, "d1", {"Encounter-1.ndjson": [encounter(1)]})
    (Path(delivery.url) / "manifest.json").write_bytes(text)
    with pytest.raises(DeliveryRefusedError, match="manifest_invalid"):
        read_manifest(delivery)


def test_a_manifest_belongs_to_its_folder(tmp_path: Path) -> None:
    delivery = write_delivery(tmp_path, "d1", {}, change=lambda m: m.update(files=[]))
    with pytest.raises(DeliveryRefusedError, match="manifest_invalid"):
        read_manifest(delivery)
    moved = write_delivery(
        tmp_path,
        "d2",
        {"Encounter-1.ndjson": [encounter(1)]},
        change=lambda m: m.update(delivery="d3"),
    )
    with pytest.raises(DeliveryRefusedError, match="manifest_mismatch"):
        read_manifest(moved)


def test_no_manifest_is_told_as_such(tmp_path: Path) -> None:
    delivery = write_delivery(tmp_path, "d1", {"Encounter-1.ndjson": []}, manifest=False)
    assert find_deliveries(tmp_path)[0].problem is None
    with pytest.raises(DeliveryRefusedError, match="manifest_missing"):
        read_manifest(delivery)


def test_the_identity_of_a_delivery_is_what_its_manifest_states(tmp_path: Path) -> None:
    one = read_manifest(write_delivery(tmp_path, "d1", {"Encounter-1.ndjson": [encounter(1)]}))
    folder = tmp_path / "synthetic" / "d1" / "manifest.json"
    folder.write_text(json.dumps(json.loads(folder.read_text()), indent=3, sort_keys=True))
    again = read_manifest(Delivery("synthetic", "d1", str(folder.parent)))
    other = read_manifest(write_delivery(tmp_path, "d1", {"Encounter-1.ndjson": [encounter(2)]}))
    assert one.content_sha256() == again.content_sha256() != other.content_sha256()


def test_a_cohort_is_part_of_the_identity_and_none_changes_nothing() -> None:
    stated: dict[str, Any] = {
        "manifest_version": 1,
        "source": "synthetic",
        "delivery": "d",
        "delivering_organisation": "sykehus",
        "period_start": "2024-01-01",
        "period_end": "2024-12-31",
        "transaction_time": "2025-01-05T03:00:00+00:00",
        "kind": "full",
        "files": [file("Encounter-1.ndjson").model_dump()],
    }
    plain = Manifest.model_validate(stated)
    without = {**plain.model_dump(mode="json")}
    del without["cohort"]
    before = hashlib.sha256(json.dumps(without, sort_keys=True).encode()).hexdigest()
    assert plain.content_sha256() == before
    cohort = Manifest.model_validate({**stated, "cohort": "trondheim-1"})
    assert cohort.content_sha256() != before
    with pytest.raises(ValueError):
        Manifest.model_validate({**stated, "cohort": "../x"})
