"""Deliveries that lie as files in an inbox: a local folder or any fsspec URL.

Belongs here: finding delivery folders, the manifest and its strict model, opening a named file and
nothing but that file. Does not belong here: what is in the files (``pipelines.ingest``).

Names in a manifest come from outside: a name that could lead anywhere but into the delivery's own
folder is refused before it touches a file system, and a symbolic link is never followed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, Self, cast

import fsspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

MANIFEST = "manifest.json"
MANIFEST_LIMIT = 4 * 1024 * 1024
"""Bytes past which a manifest is refused unread."""
FILE_NAME = re.compile(
    r"[A-Z][A-Za-z]{2,62}(?:[-_][A-Za-z0-9_-]{1,64})?\.(?:(?:ndjson|csv)(?:\.gz)?|parquet)"
)
FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class DeliveryRefusedError(Exception):
    """A delivery, or one file of it, that is not taken in.

    Attributes:
        reason: A code of ``catalogue/quarantine_reasons.yml``.
        detail: What was expected and what was got; counts and names only.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ManifestFile(_Strict):
    """One file that the sender vouches for; bytes and hash are of the file as delivered.

    ``entity`` is a FHIR resource type, or the name of a delivered table.
    """

    name: str
    entity: str = Field(pattern=r"^[A-Z][A-Za-z]{2,62}$")
    format: Literal["ndjson", "csv", "parquet"]
    compression: Literal["gzip", "none"]
    rows: int = Field(ge=0, strict=True)
    bytes: int = Field(ge=0, strict=True)
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @model_validator(mode="after")
    def _compressed_as_named(self) -> Self:
        if self.name.endswith(".gz") != (self.compression == "gzip"):
            raise ValueError("compression is not that of the name's ending")
        return self


class Manifest(_Strict):
    """What a delivery says about itself.

    ``cohort`` names the part of the organisation's persons that it covers; null means all.
    """

    manifest_version: Literal[1]
    source: str
    delivery: str
    delivering_organisation: str = Field(pattern=r"^[a-z][a-z0-9_-]{1,62}$")
    period_start: dt.date
    period_end: dt.date
    transaction_time: AwareDatetime
    kind: Literal["full", "delta"]
    cohort: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")
    files: tuple[ManifestFile, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.period_end < self.period_start:
            raise ValueError("period_end lies before period_start")
        names = [file.name for file in self.files]
        if len({name.casefold() for name in names}) != len(names):
            raise ValueError("files: a name is there twice")
        return self

    def content_sha256(self) -> str:
        """Identity of the delivery: a hash over everything the manifest states."""
        stated = self.model_dump(mode="json")
        if self.cohort is None:
            # Deliveries that were taken in before there were cohorts keep their identity.
            del stated["cohort"]
        canonical = json.dumps(stated, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True)
class Delivery:
    """One delivery folder in an inbox.

    Attributes:
        source: Name of the folder above it.
        name: Name of the folder.
        url: Where it lies: a local path, or an fsspec URL.
        problem: Why it is refused unread: its name is unsafe or it is a symbolic link.
    """

    source: str
    name: str
    url: str
    problem: DeliveryRefusedError | None = None

    @property
    def id(self) -> str:
        """Name under which its rows and its ledger entry are kept."""
        if self.problem is not None:
            # The name itself is what is wrong with it, so it must not name anything here.
            digest = hashlib.sha256(f"{self.source}/{self.name}".encode(errors="replace"))
            return f"unsafe__{digest.hexdigest()[:16]}"
        return f"{self.source}__{self.name}"


def find_deliveries(inbox: str | Path) -> list[Delivery]:
    """Every delivery folder ``<inbox>/<source>/<delivery>/``.

    Args:
        inbox: A local folder or an fsspec URL. A local folder that is not there is empty.

    Returns:
        Deliveries by source and name. A folder without a manifest, with an unsafe name or that is
        a symbolic link is among them, so that it is reported and not overlooked. Hidden folders
        (half-copied deliveries) are not.
    """
    found = [
        Delivery(source, name, url, _folder_problem(source, name, linked or inner_linked))
        for source, source_url, linked in _folders(str(inbox))
        for name, url, inner_linked in (
            [("", source_url, True)] if linked else _folders(source_url)
        )
    ]
    return sorted(found, key=lambda delivery: (delivery.source, delivery.name))


def read_manifest(delivery: Delivery) -> Manifest:
    """Read and judge a delivery's manifest.

    Args:
        delivery: The delivery.

    Returns:
        The manifest; its source and delivery are those of the folders, every name is safe.

    Raises:
        DeliveryRefusedError: ``manifest_missing``, ``manifest_invalid``, ``manifest_mismatch`` or
            ``unsafe_name``. The detail names fields, never their content.
    """
    if delivery.problem is not None:
        raise delivery.problem
    with open_file(delivery, MANIFEST, missing="manifest_missing") as stream:
        raw = stream.read(MANIFEST_LIMIT + 1)
    if len(raw) > MANIFEST_LIMIT:
        raise DeliveryRefusedError("manifest_invalid", f"larger than {MANIFEST_LIMIT} bytes")
    manifest = _parsed(raw)
    if (manifest.source, manifest.delivery) != (delivery.source, delivery.name):
        raise DeliveryRefusedError(
            "manifest_mismatch",
            f"source and delivery in {MANIFEST} are not those of the folder {delivery.id}",
        )
    for position, file in enumerate(manifest.files):
        check_file_name(file, position)
    return manifest


def check_file_name(file: ManifestFile, position: int) -> None:
    """Refuse a name that is not plainly one file of the named entity in this folder.

    Args:
        file: An entry of a manifest.
        position: Its place in the list, by which it is named in the message.

    Raises:
        DeliveryRefusedError: ``unsafe_name``.
    """
    plain = FILE_NAME.fullmatch(file.name) and len(file.name) <= 140
    formed = file.name.removesuffix(".gz").endswith(f".{file.format}")
    if not plain or not formed or re.split(r"[-_.]", file.name, maxsplit=1)[0] != file.entity:
        raise DeliveryRefusedError(
            "unsafe_name",
            f"files[{position}].name must be <Entity>[-part] and .ndjson[.gz], .csv[.gz] or "
            ".parquet by its format, of letters, digits, hyphen and underscore, and begin with "
            "its entity",
        )


def check_folder_name(name: str) -> None:
    """Refuse a source or delivery name that could not be a plain folder or file name.

    Raises:
        DeliveryRefusedError: ``unsafe_name``.
    """
    if not FOLDER_NAME.fullmatch(name) or "__" in name:
        raise DeliveryRefusedError(
            "unsafe_name",
            "a folder of the inbox must be named with letters, digits, hyphen and underscore, at "
            "most 100 of them and no two underscores in a row",
        )


@contextmanager
def open_file(
    delivery: Delivery, name: str, *, missing: str = "file_missing"
) -> Iterator[BinaryIO]:
    """Open one file of a delivery for reading bytes.

    Args:
        delivery: The delivery.
        name: A checked name, or ``manifest.json``.
        missing: Reason code when it is not there.

    Raises:
        DeliveryRefusedError: It is missing, or not a regular file of this very folder.
    """
    try:
        stream = _open_local(Path(delivery.url), name) if _is_local(delivery.url) else None
        if stream is None:
            stream = cast("BinaryIO", fsspec.open(f"{delivery.url}/{name}", "rb").open())
    except FileNotFoundError:
        raise DeliveryRefusedError(missing, f"{name} is not in the delivery") from None
    except OSError as error:
        raise DeliveryRefusedError(
            "file_unreadable", f"{name} cannot be opened as a plain file ({error.strerror})"
        ) from None
    with stream:
        yield stream


def unlisted_files(delivery: Delivery, manifest: Manifest) -> list[str]:
    """Names of files in the folder that the manifest does not vouch for; they are never read."""
    known = {MANIFEST, *(file.name for file in manifest.files)}
    return sorted(name for name in _names(delivery.url) if name not in known)


def _parsed(raw: bytes) -> Manifest:
    try:
        content = json.loads(raw, object_pairs_hook=_without_duplicates)
        return Manifest.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        # A key that is not ours could hold anything.
        told = sorted({_told(e) for e in found if e["type"] != "extra_forbidden"})
        if extra := sum(e["type"] == "extra_forbidden" for e in found):
            told.append(f"{extra} keys that a manifest does not have")
        detail = "; ".join(told[:10])
        raise DeliveryRefusedError("manifest_invalid", detail) from None
    except (ValueError, RecursionError):
        raise DeliveryRefusedError("manifest_invalid", "not a JSON object in UTF-8") from None


def _told(error: Mapping[str, Any]) -> str:
    """Field and rule of one error; never the value."""
    return f"{'.'.join(map(str, error['loc'])) or 'manifest'}: {error['msg']}"


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("duplicate key")
    return dict(pairs)


def _is_local(url: str) -> bool:
    return "://" not in url


def _open_local(folder: Path, name: str) -> BinaryIO:
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        # Not following links is the file system's own guarantee, without a moment in between.
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    finally:
        os.close(directory)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(None, "not a regular file")
    return os.fdopen(descriptor, "rb")


def _folder_problem(source: str, name: str, linked: bool) -> DeliveryRefusedError | None:
    if linked:
        return DeliveryRefusedError("unsafe_name", "a symbolic link; deliveries are real folders")
    try:
        check_folder_name(source)
        check_folder_name(name)
    except DeliveryRefusedError as error:
        return error
    return None


def _folders(url: str) -> list[tuple[str, str, bool]]:
    """Name, place and whether it is a symbolic link, of every folder that is not hidden."""
    if _is_local(url):
        if not Path(url).is_dir():
            return []
        with os.scandir(url) as entries:
            return [
                (entry.name, entry.path, entry.is_symlink())
                for entry in entries
                if entry.is_dir() and not entry.name.startswith(".")
            ]
    system, path = fsspec.core.url_to_fs(url)
    if not system.isdir(path):
        return []
    names = [
        entry["name"].rstrip("/").rsplit("/", 1)[-1]
        for entry in system.ls(path, detail=True)
        if entry["type"] == "directory"
    ]
    return [
        (name, f"{url.rstrip('/')}/{name}", False) for name in names if not name.startswith(".")
    ]


def _names(url: str) -> list[str]:
    if _is_local(url):
        with os.scandir(url) as entries:
            return [entry.name for entry in entries]
    system, path = fsspec.core.url_to_fs(url)
    return [entry["name"].rstrip("/").rsplit("/", 1)[-1] for entry in system.ls(path, detail=True)]
