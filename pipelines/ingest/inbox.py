"""The inbox: what waits in it, what is refused unread, and putting deliveries there.

Belongs here: judging a delivery by its manifest, the catalogue and the ledger, without opening its
files. Does not belong here: its files (``files``), taking it in (``run``).
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.catalogue.sources import Source, load_sources
from pipelines.clients.delivered_files import (
    MANIFEST,
    Delivery,
    DeliveryRefusedError,
    Manifest,
    find_deliveries,
    open_file,
    read_manifest,
)
from pipelines.ingest.errors import IngestError
from pipelines.ingest.ledger import LedgerEntry, read_ledger
from pipelines.ingest.result import DeliveryResult
from pipelines.ingest.verify import received_sha256
from pipelines.settings import Zones

_CHUNK = 1024 * 1024
_AHEAD = dt.timedelta(days=1)
"""How far a sender's clock may be ahead of ours; whole days are no clock's fault."""
_DEPTH = 3
"""How many folders deep deliveries are looked for under a path that is given by hand."""


@dataclass(frozen=True)
class PendingDelivery:
    """A delivery that can be taken in, as its manifest describes it.

    Attributes:
        folder: Where it lies.
        source: Source.
        delivery: Name of the delivery.
        delivering_organisation: Who delivered, by the name in the catalogue.
        period_start: First day it is about.
        period_end: Last day it is about.
        transaction_time: State of the source that it shows.
        has_persons: It holds Patient resources.
    """

    folder: Delivery
    source: str
    delivery: str
    delivering_organisation: str
    period_start: dt.date
    period_end: dt.date
    transaction_time: dt.datetime
    has_persons: bool


def pending_deliveries(zones: Zones, inbox: str | Path | None = None) -> list[PendingDelivery]:
    """Deliveries in the inbox that the ledger does not hold with the same content.

    Args:
        zones: The zones.
        inbox: Another inbox than the zone's, e.g. an fsspec URL.

    Returns:
        Deliveries with persons first and the latest of them at their head (so that gradings are
        known before what they redact), the others by transaction time, source and name. What would
        be refused unread is not among them; see ``refused_deliveries``.
    """
    waiting = [found for found in _judged(zones, inbox) if isinstance(found, PendingDelivery)]
    by_time = sorted(waiting, key=lambda d: (d.transaction_time, d.source, d.delivery))
    persons = [delivery for delivery in reversed(by_time) if delivery.has_persons]
    return persons + [delivery for delivery in by_time if not delivery.has_persons]


def refused_deliveries(zones: Zones, inbox: str | Path | None = None) -> list[DeliveryResult]:
    """Deliveries in the inbox that are refused without a look at their files.

    Args:
        zones: The zones.
        inbox: Another inbox than the zone's.

    Returns:
        One refusal each, until it is mended or removed.
    """
    return [found for found in _judged(zones, inbox) if isinstance(found, DeliveryResult)]


def admit(delivery: Delivery, entries: Mapping[str, LedgerEntry]) -> tuple[Manifest, Source, bool]:
    """Decide by manifest, catalogue and ledger whether a delivery may come in.

    Args:
        delivery: The delivery.
        entries: The ledger.

    Returns:
        Its manifest, its source, and whether the very same delivery is in already.

    Raises:
        DeliveryRefusedError: It may not.
    """
    manifest = read_manifest(delivery)
    _refuse_time_ahead(manifest)
    source = _source_of(manifest)
    known = entries.get(delivery.id)
    if known is None:
        return manifest, source, False
    if known.content_sha256 != manifest.content_sha256():
        _refuse_changed(known, manifest)
        return manifest, source, False
    return manifest, source, not _sent_again(delivery, known, manifest)


def _refuse_time_ahead(manifest: Manifest) -> None:
    """A state of the source that is yet to come would hide whatever comes until then."""
    if manifest.transaction_time > _now() + _AHEAD:
        raise DeliveryRefusedError(
            "transaction_time_ahead",
            f"transaction_time is {manifest.transaction_time.isoformat()}; expected a moment that "
            "has been",
        )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def organisation_of(manifest: Manifest, source: Source) -> str:
    """Whom the delivering organisation of a manifest stands for.

    Args:
        manifest: The manifest; its organisation may be a number that has been changed since.
        source: Its source.

    Raises:
        DeliveryRefusedError: ``unknown_organisation``: nobody delivered under it at that time; or
            ``unknown_cohort``: it has no such cohort.
    """
    named = manifest.delivering_organisation
    found = source.organisation(named, manifest.transaction_time.astimezone(dt.UTC).date())
    if found is None:
        raise DeliveryRefusedError(
            "unknown_organisation",
            f"{named} is not among the organisations of {source.id} at that time",
        )
    if manifest.cohort is not None and manifest.cohort not in source.cohorts.get(found, ()):
        raise DeliveryRefusedError(
            "unknown_cohort",
            f"{manifest.cohort} is not among the cohorts of {found} in sources/{source.id}.yml",
        )
    return found


def refusal(delivery: Delivery, error: DeliveryRefusedError) -> DeliveryResult:
    """A refusal as a result; an unsafe name is not repeated in it."""
    result = DeliveryResult(delivery.source, delivery.name, "refused", error.reason, error.detail)
    if delivery.problem is None:
        return result
    source, _, name = delivery.id.partition("__")
    return replace(result, source=source, delivery=name)


def take_in(paths: Sequence[Path], zones: Zones) -> list[Delivery]:
    """Copy deliveries into the inbox.

    Args:
        paths: Delivery folders, or folders that hold some at most three folders deep.
        zones: The zones.

    Returns:
        The deliveries as they lie in the inbox now. What lies there already with the same manifest
        is left alone.

    Raises:
        IngestError: A path holds no delivery, or one that may not come in; names path and reason.
    """
    found = [(path, folder) for path in paths for folder in _manifests(path, _DEPTH)]
    if empty := sorted(set(paths) - {path for path, _ in found}):
        raise IngestError(
            f"{empty[0]}: no {MANIFEST} in it or at most {_DEPTH} folders below. Name a delivery, "
            "a folder with its manifest and files."
        )
    entries = read_ledger(zones)
    return [_copied(folder, zones, entries) for _, folder in found]


def _judged(zones: Zones, inbox: str | Path | None) -> Iterator[PendingDelivery | DeliveryResult]:
    entries = read_ledger(zones)
    for delivery in find_deliveries(zones.inbox if inbox is None else inbox):
        try:
            manifest, source, seen = admit(delivery, entries)
        except DeliveryRefusedError as error:
            yield refusal(delivery, error)
            continue
        if not seen:
            yield PendingDelivery(
                delivery,
                manifest.source,
                manifest.delivery,
                organisation_of(manifest, source),
                manifest.period_start,
                manifest.period_end,
                manifest.transaction_time,
                any(source.entity_of(file.entity) == "Patient" for file in manifest.files),
            )


def _source_of(manifest: Manifest) -> Source:
    source = load_sources().get(manifest.source)
    if source is None:
        raise DeliveryRefusedError(
            "unknown_source", f"no catalogue/sources/{manifest.source}.yml; add one, or correct it"
        )
    if gaps := source.gaps():
        raise DeliveryRefusedError(
            "governance_missing",
            f"catalogue/sources/{source.id}.yml: governance: {', '.join(gaps)} not filled in",
        )
    organisation_of(manifest, source)
    return source


def _refuse_changed(known: LedgerEntry, manifest: Manifest) -> None:
    """The same delivery may come again to mend refused files, not to change what is loaded."""
    stated = manifest.model_dump(mode="json", exclude={"manifest_version", "files"})
    anything = any(file.state == "loaded" for file in known.files)
    other = [name for name, value in stated.items() if getattr(known, name) != value]
    if anything and other:
        raise DeliveryRefusedError(
            "changed_after_commit",
            f"{', '.join(other)} are not those under which files of it have been taken in. Deliver "
            "it under a name of its own",
        )
    now = {file.name: file.sha256 for file in manifest.files}
    changed = [
        file.name
        for file in known.files
        if file.state == "loaded" and now.get(file.name) != file.sha256
    ]
    if changed:
        raise DeliveryRefusedError(
            "changed_after_commit",
            f"{len(changed)} files differ from those taken in under this name. Deliver corrections "
            "as a new delivery of kind delta",
        )


def _sent_again(delivery: Delivery, known: LedgerEntry, manifest: Manifest) -> bool:
    """Whether a file that was refused lies there with other bytes now."""
    before = {file.name: file.received_sha256 for file in known.files if file.state == "refused"}
    return any(
        received_sha256(delivery, file) != before[file.name]
        for file in manifest.files
        if file.name in before
    )


def _manifests(path: Path, depth: int) -> Iterator[Path]:
    if (path / MANIFEST).is_file():
        yield path
    elif depth and path.is_dir() and not path.is_symlink():
        for child in sorted(path.iterdir()):
            yield from _manifests(child, depth - 1)


def _copied(folder: Path, zones: Zones, entries: Mapping[str, LedgerEntry]) -> Delivery:
    origin = _as_delivery(folder)
    target = zones.inbox / origin.source / origin.name
    there = Delivery(origin.source, origin.name, str(target))
    try:
        manifest, _, _ = admit(origin, entries)
        if target.exists() and _same_manifest(there, manifest):
            return there
        target.parent.mkdir(mode=0o700, exist_ok=True)
        # Hidden until complete: an inbox is never seen with half a delivery.
        building = target.parent / f".{origin.name}.copying"
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(mode=0o700)
        for name in (*(file.name for file in manifest.files), MANIFEST):
            _copy_file(origin, name, building / name)
    except DeliveryRefusedError as error:
        raise IngestError(f"{folder}: {error.reason}: {error.detail}.") from None
    if target.exists():
        shutil.rmtree(target)
    building.replace(target)
    return there


def _as_delivery(folder: Path) -> Delivery:
    """The folder as a delivery under the names that its manifest gives it."""
    resolved = folder.resolve()
    placed = Delivery(resolved.parent.name, resolved.name, str(resolved))
    try:
        read_manifest(placed)
    except DeliveryRefusedError as error:
        raise IngestError(
            f"{folder}: {error.reason}: {error.detail}. A delivery lies in a folder of its own "
            "name, under one of its source's name."
        ) from None
    return placed


def _copy_file(origin: Delivery, name: str, target: Path) -> None:
    try:
        with open_file(origin, name) as stream, target.open("wb") as file:
            target.chmod(0o600)
            shutil.copyfileobj(stream, file, _CHUNK)
            file.flush()
            os.fsync(file.fileno())
    except DeliveryRefusedError as error:
        if error.reason != "file_missing":
            raise
        # Left out as it is: ingest refuses that file by name and takes the others in.


def _same_manifest(there: Delivery, manifest: Manifest) -> bool:
    try:
        return read_manifest(there).content_sha256() == manifest.content_sha256()
    except DeliveryRefusedError:
        return False
