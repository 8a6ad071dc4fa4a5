"""An export that is complete becomes a delivery, whole or not at all.

Belongs here: what must hold of an export before anybody may count it, names, the project's own
manifest, and the one rename by which the delivery is there. Does not belong here: fetching
(``downloads``), taking in (``pipelines.ingest``).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from pipelines.catalogue.profiles import DELETIONS, Shard, SourceProfile
from pipelines.clients.bulk.contents import repeated, without_lines
from pipelines.clients.bulk.downloads import Fetched
from pipelines.clients.bulk.errors import ExportError
from pipelines.clients.bulk.manifest import RemoteFile
from pipelines.clients.bulk.state import Delivered, cohort_of
from pipelines.clients.delivered_files import (
    MANIFEST,
    Delivery,
    Manifest,
    ManifestFile,
    check_file_name,
    check_folder_name,
    read_manifest,
)
from pipelines.settings import atomic_write

_HERE = ZoneInfo("Europe/Oslo")
_EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Part:
    """One file of the delivery to be.

    Attributes:
        entity: Type of its resources.
        path: Where it lies; null: an empty file.
        rows: Lines.
        bytes: Size.
        sha256: Hash.
        dropped: Lines left out because they repeat others to the letter.
    """

    entity: str
    path: Path | None
    rows: int
    bytes: int
    sha256: str
    dropped: int = 0


def check_types(profile: SourceProfile, files: Sequence[RemoteFile]) -> None:
    """Refuse a manifest with types that nobody asked for.

    One of them could be a file of an asked-for type under a wrong name, and leaving it out would
    lose it without a word.

    Raises:
        ExportError: ``unexpected_type``.
    """
    known = {*profile.site.types, *profile.site.ignored_types}
    extra = sorted({file.type for file in files if file.use == "output"} - known)
    if extra:
        raise ExportError(
            "unexpected_type",
            f"profile {profile.name}: expected {', '.join(profile.site.types)}, got files of "
            f"{', '.join(extra)} too. Nothing is delivered. Name them under types or "
            "ignored_types in the profile.",
            closes_job=True,
        )


def parts_of(profile: SourceProfile, fetched: Sequence[Fetched], work: Path) -> list[Part]:
    """Files of the delivery, without repeats, with an empty file for a type that has nothing.

    Args:
        profile: The profile.
        fetched: Files that hold resources and deletions.
        work: Folder for copies without repeats.

    Raises:
        ExportError: ``conflicting_copies``: a resource is there twice with different content.
    """
    by_type: dict[str, list[Fetched]] = defaultdict(list)
    for each in fetched:
        by_type[each.remote.holds].append(each)
    parts: list[Part] = []
    for kind in [*profile.site.types, DELETIONS]:
        files = by_type.get(kind, [])
        parts += _parts_of_type(kind, files, work)
        if not files and kind != DELETIONS:
            parts.append(Part(kind, None, 0, 0, _EMPTY))
    return parts


def check_amounts(
    profile: SourceProfile, parts: Sequence[Part], last: Delivered | None, *, accept_drop: bool
) -> None:
    """Refuse a full export that holds much less than it must.

    Args:
        profile: The profile.
        parts: What was fetched.
        last: What the last full export brought.
        accept_drop: Somebody has looked, and it is right.

    Raises:
        ExportError: ``nothing_of_type`` or ``too_few``.
    """
    if accept_drop:
        return
    rows = rows_by_type(parts)
    for kind in profile.never_empty:
        if not rows.get(kind):
            raise ExportError(
                "nothing_of_type",
                f"profile {profile.name}: expected at least one {kind}, got none. Nothing is "
                "delivered. If it is right, run it with --accept-drop.",
                closes_job=True,
            )
    for kind, before in sorted((last.rows if last else {}).items()):
        now = rows.get(kind, 0)
        if kind in rows and now < before * (1 - profile.site.largest_drop):
            raise ExportError(
                "too_few",
                f"profile {profile.name}: expected about {before} of {kind} as in the last full "
                f"export, got {now}. Nothing is delivered. If it is right, run it with "
                "--accept-drop.",
                closes_job=True,
            )


def rows_by_type(parts: Sequence[Part]) -> Mapping[str, int]:
    """Lines by entity."""
    rows: dict[str, int] = defaultdict(int)
    for part in parts:
        rows[part.entity] += part.rows
    return dict(rows)


def delivery_name(
    profile: SourceProfile, shard: Shard | None, transaction_time: dt.datetime
) -> str:
    """Name of the delivery: it comes from the profile and the state shown, never from a server."""
    stamp = transaction_time.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%S%fZ")
    return f"{profile.name}-{cohort_of(profile, shard)}-{stamp}"


def deliver(
    profile: SourceProfile,
    shard: Shard | None,
    parts: Sequence[Part],
    transaction_time: dt.datetime,
    inbox: Path,
    *,
    delta: bool,
) -> tuple[Path, bool]:
    """Put the delivery into the inbox.

    Args:
        profile: The profile.
        shard: The cohort shard.
        parts: Its files.
        transaction_time: State of the server that it shows.
        inbox: The inbox.
        delta: It holds changes only.

    Returns:
        The delivery's folder, and whether it is new there.

    Raises:
        ExportError: ``delivery_exists``: another one lies there under its name.
    """
    name = delivery_name(profile, shard, transaction_time)
    check_folder_name(name)
    manifest = _manifest(profile, shard, name, parts, transaction_time, delta=delta)
    source = inbox / profile.site.source
    target = source / name
    if target.exists():
        _check_same(target, profile, name, manifest)
        return target, False
    hidden = source / f".{name}.partial"
    if hidden.exists():
        # Left by a run that was killed while it put the same together.
        shutil.rmtree(hidden)
    hidden.mkdir(mode=0o700, parents=True)
    for part, file in zip(parts, manifest.files, strict=True):
        _place(part, hidden / file.name)
    stated = manifest.model_dump(mode="json", exclude_none=True)
    with atomic_write(hidden / MANIFEST) as temporary:
        temporary.write_text(json.dumps(stated, indent=2, ensure_ascii=False), encoding="utf-8")
    hidden.replace(target)
    _sync(source)
    return target, True


def _parts_of_type(kind: str, files: Sequence[Fetched], work: Path) -> list[Part]:
    if kind == DELETIONS:
        return [_part(kind, file) for file in files]
    again, conflicts = repeated([(file.path, file.contents) for file in files])
    if conflicts:
        raise ExportError(
            "conflicting_copies",
            f"{kind}: expected every resource once, got {conflicts} of them again with another "
            "content. Nothing is delivered. Run it again; if it stays, ask the server's operator.",
            closes_job=True,
        )
    return [
        _without(kind, file, work, lines) if lines else _part(kind, file)
        for file, lines in zip(files, again, strict=True)
    ]


def _part(kind: str, file: Fetched) -> Part:
    return Part(kind, file.path, file.contents.rows, file.mark.bytes, file.mark.sha256)


def _without(kind: str, file: Fetched, work: Path, lines: Sequence[int]) -> Part:
    copy = work / f"{file.path.stem}.once"
    without_lines(file.path, lines, copy)
    copy.chmod(0o600)
    with copy.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        os.fsync(stream.fileno())
    rows = file.contents.rows - len(lines)
    return Part(kind, copy, rows, copy.stat().st_size, digest, len(lines))


def _manifest(
    profile: SourceProfile,
    shard: Shard | None,
    name: str,
    parts: Sequence[Part],
    transaction_time: dt.datetime,
    *,
    delta: bool,
) -> Manifest:
    site = profile.site
    numbers: dict[str, int] = defaultdict(int)
    files: list[ManifestFile] = []
    for part in parts:
        numbers[part.entity] += 1
        file = ManifestFile(
            name=f"{part.entity}-{numbers[part.entity]:04d}.ndjson",
            entity=part.entity,
            format="ndjson",
            compression="none",
            rows=part.rows,
            bytes=part.bytes,
            sha256=part.sha256,
        )
        check_file_name(file, len(files))
        files.append(file)
    last_day = transaction_time.astimezone(_HERE).date()
    return Manifest(
        manifest_version=1,
        source=site.source,
        delivery=name,
        delivering_organisation=site.delivering_organisation,
        period_start=min(site.period_start, last_day),
        period_end=last_day,
        transaction_time=transaction_time,
        kind="delta" if delta else "full",
        cohort=None if shard is None else shard.name,
        files=tuple(files),
    )


def _place(part: Part, target: Path) -> None:
    if part.path is None:
        target.touch(mode=0o600)
        return
    try:
        # The same bytes under a second name: nothing is copied, and a killed run loses nothing.
        os.link(part.path, target)
    except OSError:
        shutil.copyfile(part.path, target)
        target.chmod(0o600)
        with target.open("rb") as stream:
            os.fsync(stream.fileno())


def _check_same(target: Path, profile: SourceProfile, name: str, manifest: Manifest) -> None:
    found = read_manifest(Delivery(profile.site.source, name, str(target)))
    if found.content_sha256() != manifest.content_sha256():
        raise ExportError(
            "delivery_exists",
            f"{target}: expected no delivery or the same one, got one with other content and the "
            "same transaction time. Move it away, or wait until the server's data have moved on.",
            closes_job=True,
        )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
