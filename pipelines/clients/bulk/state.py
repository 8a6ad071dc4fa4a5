"""A job that outlives the process that ordered it.

Belongs here: what is remembered of an export and its lock. Does not belong here: the steps that are
remembered (``export``). It lies in the identified zone: addresses of files can be keys to them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from pipelines.catalogue.profiles import Shard, SourceProfile
from pipelines.clients.bulk.errors import ExportError
from pipelines.clients.bulk.manifest import Page, RemoteFile
from pipelines.settings import Zones, atomic_write

Model = TypeVar("Model", bound=BaseModel)


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class KeptFile(_Kept):
    """A file of a manifest, as it is kept."""

    use: Literal["output", "deleted", "outcome"]
    type: str
    url: str
    count: int | None


class KeptManifest(_Kept):
    """A manifest, as it is kept."""

    transaction_time: AwareDatetime
    requires_token: bool
    files: tuple[KeptFile, ...]

    @classmethod
    def of(cls, page: Page) -> KeptManifest:
        """A manifest to keep."""
        files = tuple(
            KeptFile(use=file.use, type=file.type, url=file.url, count=file.count)
            for file in page.files
        )
        return cls(
            transaction_time=page.transaction_time,
            requires_token=page.requires_token,
            files=files,
        )

    def page(self) -> Page:
        """The manifest again."""
        files = tuple(RemoteFile(file.use, file.type, file.url, file.count) for file in self.files)
        return Page(self.transaction_time, self.requires_token, files, None)


class Job(_Kept):
    """One export at the server.

    Attributes:
        order: Fingerprint of what was ordered.
        began: When.
        since: Time since which changes were asked for; null: everything.
        status_url: Where to ask for it.
        not_before: Time before which the server does not want to be asked.
        said: What it last said of its progress.
        manifest: Its manifest, once there is one.
        delivered: Name of the delivery it became; what is left to do is to delete it there.
    """

    order: str
    began: AwareDatetime
    since: AwareDatetime | None
    status_url: str
    not_before: AwareDatetime | None = None
    said: str = ""
    manifest: KeptManifest | None = None
    delivered: str | None = None


class Delivered(_Kept):
    """What the last export of a shard brought.

    Attributes:
        transaction_time: State of the server that it showed.
        order: Fingerprint of what was ordered, leaving aside since when.
        rows: Resources by type; of the last full export.
    """

    transaction_time: AwareDatetime
    order: str
    rows: Mapping[str, int]


class JobFolder:
    """Where the job of one profile and shard is remembered.

    Args:
        zones: The zones.
        profile: The profile.
        shard: The cohort shard.
    """

    def __init__(self, zones: Zones, profile: SourceProfile, shard: Shard | None) -> None:
        self._profile = profile
        self._shard = shard
        self._locks = zones.exports / "locks"
        self.folder = zones.exports / f"{profile.name}__{cohort_of(profile, shard)}"
        self.files = self.folder / "files"

    def job(self) -> Job | None:
        """The job that is under way; null where there is none.

        Raises:
            ExportError: ``state_unreadable``.
        """
        return _read(self.folder / "job.json", Job)

    def save(self, job: Job) -> None:
        """Remember a job, so that another process can go on with it."""
        _write(self.folder / "job.json", job)

    def clear(self) -> None:
        """Forget the job and its files: identified data are kept no longer than needed."""
        if self.files.exists():
            shutil.rmtree(self.files)
        (self.folder / "job.json").unlink(missing_ok=True)

    def delivered(self) -> Delivered | None:
        """What the last export brought; null before the first."""
        return _read(self.folder / "delivered.json", Delivered)

    def remember(self, delivered: Delivered) -> None:
        """Keep what an export brought, to hold the next one against it."""
        _write(self.folder / "delivered.json", delivered)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from this job, and from the server where it puts up with one at a time.

        Raises:
            ExportError: ``busy``: another process holds the lock. A killed one holds none.
        """
        with ExitStack() as held:
            for name in self._lock_names():
                held.enter_context(_lock(self._locks / name, self._profile.name))
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            yield

    def _lock_names(self) -> list[str]:
        site = self._profile.site
        client = site.auth.client_id if site.auth is not None else ""
        names = [f"job-{self.folder.name}.lock"]
        concurrency = self._profile.server.concurrency
        if concurrency != "free":
            group = self._shard.id if self._shard and concurrency == "one_per_group" else ""
            same = json.dumps([self._profile.base_origin, client, group])
            names.append(f"server-{hashlib.sha256(same.encode()).hexdigest()[:24]}.lock")
        return names


def cohort_of(profile: SourceProfile, shard: Shard | None) -> str:
    """Short name of what an export covers: the shard's, or the level's."""
    return profile.site.level if shard is None else shard.name


@contextmanager
def _lock(path: Path, profile: str) -> Iterator[None]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ExportError(
                "busy",
                f"profile {profile}: another export of this client is under way here, and the "
                "server takes one at a time. Wait for it.",
            ) from None
        yield


def _read(path: Path, model: type[Model]) -> Model | None:
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise ExportError(
            "state_unreadable",
            f"{path}: expected what an earlier export noted, got something else. Remove the file; "
            "the export is then ordered anew.",
        ) from None


def _write(path: Path, content: BaseModel) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(content.model_dump_json())
