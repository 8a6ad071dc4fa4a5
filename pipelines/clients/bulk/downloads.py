"""Fetching the files of an export side by side, each proven before it counts.

Belongs here: the stream from the server to a file in the identified zone, its hash, its caps, the
mark that it is done. Does not belong here: which files there are (``manifest``), what they become
(``delivery``). Files are named by their place in the manifest and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.catalogue.profiles import SourceProfile
from pipelines.clients.bulk.contents import Contents, contents_in, contents_of
from pipelines.clients.bulk.errors import ExportError, place
from pipelines.clients.bulk.gate import Gate
from pipelines.clients.bulk.http import Reply
from pipelines.clients.bulk.inflate import plain
from pipelines.clients.bulk.manifest import RemoteFile
from pipelines.clients.bulk.session import (
    UNAUTHORISED,
    AgainError,
    Session,
    out_of_time,
    unauthorised,
    with_token,
)
from pipelines.settings import atomic_write

MIB = 1024 * 1024
_GONE = frozenset({403, 404, 410})
_REFUSAL_BYTES = 64 * 1024
_GRACE_SECONDS = 60
Fetching = Callable[[int, "int | None"], None]
"""Told of bytes as they come, and of the lines of a file when it has come whole."""


class StoppedError(ExportError):
    """A download that was given up because another had failed for good."""


class Mark(BaseModel):
    """The mark of a file that has come whole.

    Attributes:
        url_sha256: Hash of the address it came from.
        sha256: Hash of what is stored.
        bytes: Size of what is stored.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url_sha256: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Fetched:
    """A file that has come whole.

    Attributes:
        remote: What the manifest said of it.
        path: Where it lies, plain.
        mark: Its size and hash.
        contents: What is in it.
    """

    remote: RemoteFile
    path: Path
    mark: Mark
    contents: Contents


class Downloads:
    """Fetches the files of one export.

    Args:
        profile: The profile.
        session: Asks.
        gate: Judges addresses.
        folder: Where the files lie until they are delivered; in the identified zone.
        requires_token: Whether the manifest says that files are had with the token.
        fetching: Told of what has come.
    """

    def __init__(
        self,
        profile: SourceProfile,
        session: Session,
        gate: Gate,
        folder: Path,
        *,
        requires_token: bool,
        fetching: Fetching,
    ) -> None:
        self._profile = profile
        self._session = session
        self._gate = gate
        self._folder = folder
        self._requires_token = requires_token
        self._fetching = fetching
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._sizes: dict[Path, int] = {}
        self._total = 0

    def fetch(self, files: Sequence[tuple[int, RemoteFile]]) -> list[Fetched]:
        """Fetch files; what has come before and is still whole is not fetched again.

        Args:
            files: Each with its place in the manifest.

        Returns:
            The files in the same order.

        Raises:
            ExportError: One of them could not be had whole.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ThreadPoolExecutor(self._profile.budgets.downloads, "fetch") as pool:
            sent = [pool.submit(self._one, place_, remote) for place_, remote in files]
            try:
                wait(sent, return_when=FIRST_EXCEPTION)
            finally:
                # The others need not run to their end for a failure that is certain.
                if not all(one.done() and one.exception() is None for one in sent):
                    self._stop.set()
                    pool.shutdown(wait=True, cancel_futures=True)
        raise_first(sent)
        return [one.result() for one in sent]

    def _one(self, number: int, remote: RemoteFile) -> Fetched:
        path = self._folder / f"{number:06d}.ndjson"
        kept = self._kept(path, remote)
        if kept is not None:
            self._count(path, kept.mark.bytes)
            self._fetching(0, kept.contents.rows)
            return kept
        subject = f"{remote.type} ({remote.use} {number}, {place(remote.url)})"
        found = self._session.tried(subject, lambda: self._once(path, remote))
        self._fetching(0, found.contents.rows)
        return found

    def _kept(self, path: Path, remote: RemoteFile) -> Fetched | None:
        """A file of an earlier attempt, if it is still what it was."""
        mark_path = path.with_suffix(".json")
        try:
            mark = Mark.model_validate_json(mark_path.read_bytes())
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if (mark.url_sha256, mark.sha256) != (_sha256(remote.url), digest):
                return None
            return Fetched(remote, path, mark, contents_of(path, remote.holds))
        except (OSError, ValidationError, AgainError):
            # Whatever is wrong with it, the server still has it.
            return None

    def _once(self, path: Path, remote: RemoteFile) -> Fetched:
        if self._stop.is_set():
            raise StoppedError("stopped", "another file of the export could not be had.")
        token = self._token(remote.url)
        fetched = self._received(path, remote, token)
        if fetched is None and token is not None and self._session.tokens is not None:
            self._session.tokens.forget(token)
            fetched = self._received(path, remote, self._session.tokens.current())
        if fetched is None:
            raise unauthorised(remote.url)
        return fetched

    def _token(self, url: str) -> str | None:
        tokens = self._session.tokens
        self._gate.check_output(url)
        return tokens.current() if self._requires_token and tokens is not None else None

    def _received(self, path: Path, remote: RemoteFile, token: str | None) -> Fetched | None:
        """One try; null where the token is refused."""
        encoding = "gzip" if self._profile.server.gzip else "identity"
        headers = {"Accept": "application/fhir+ndjson", "Accept-Encoding": encoding}
        with self._session.http.open(
            "GET", remote.url, self._gate.check_output, with_token(headers, token)
        ) as (response, came_from):
            if response.status_code == UNAUTHORISED:
                return None
            self._judge(response, came_from)
            _check_provable(response, remote)
            mark, contents = self._stored(path, response, remote)
        path.with_suffix(".part").replace(path)
        with atomic_write(path.with_suffix(".json")) as temporary:
            temporary.write_text(mark.model_dump_json())
        return Fetched(remote, path, mark, contents)

    def _judge(self, response: httpx.Response, came_from: str) -> None:
        if response.status_code == 200:
            return
        if response.status_code in _GONE:
            raise ExportError(
                "file_gone",
                f"{place(came_from)}: expected a file of the manifest, got status "
                f"{response.status_code}: the server has it no more. Run it again: the export is "
                "ordered anew.",
                closes_job=True,
            )
        body = next(response.iter_bytes(_REFUSAL_BYTES), b"")
        self._session.judge(Reply(response.status_code, response.headers, body, came_from))
        raise ExportError(
            "file_refused",
            f"{place(came_from)}: expected a file with status 200, got {response.status_code}. "
            "Ask the server's operator.",
            closes_job=True,
        )

    def _stored(
        self, path: Path, response: httpx.Response, remote: RemoteFile
    ) -> tuple[Mark, Contents]:
        """Store what comes, and look at it meanwhile: it need not be read again."""
        digest = hashlib.sha256()
        part = path.with_suffix(".part")
        coming = _checked_start(plain(self._watched(response)), response)
        try:
            with part.open("wb") as target:
                part.chmod(0o600)
                written = self._written(coming, path, target, digest, remote)
                contents = contents_in(written, remote.holds)
                _check_rows(contents, remote)
                size = target.tell()
                target.flush()
                os.fsync(target.fileno())
        except BaseException:
            self._count(path, 0)
            part.unlink(missing_ok=True)
            raise
        mark = Mark(url_sha256=_sha256(remote.url), sha256=digest.hexdigest(), bytes=size)
        return mark, contents

    def _written(
        self,
        chunks: Iterator[bytes],
        path: Path,
        target: BinaryIO,
        digest: hashlib._Hash,
        remote: RemoteFile,
    ) -> Iterator[bytes]:
        size = counted = 0
        limit = self._profile.budgets.file_mib * MIB
        for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise _too_large(f"{remote.type} at {place(remote.url)}", limit)
            digest.update(chunk)
            target.write(chunk)
            if size - counted >= MIB:
                self._count(path, size)
                counted = size
            yield chunk
        self._count(path, size)

    def _watched(self, response: httpx.Response) -> Iterator[bytes]:
        """Chunks as they come; stops a stream that would outlast the budget or hardly flows."""
        session = self._session
        begun, taken = session.clock.monotonic(), 0
        for chunk in response.iter_raw():
            taken += len(chunk)
            took = session.clock.monotonic() - begun
            if self._stop.is_set():
                raise StoppedError("stopped", "another file of the export could not be had.")
            if session.deadline.left() <= 0:
                raise out_of_time("a download", session.budgets)
            slow = taken < took * session.budgets.slowest_bytes_per_second
            if took > _GRACE_SECONDS and slow:
                raise AgainError("too_slow", f"{taken} bytes in {took:.0f} s", tries=3)
            yield chunk

    def _count(self, path: Path, size: int) -> None:
        """Count what has come of a file; one that has failed has brought nothing."""
        limit = self._profile.budgets.export_mib * MIB
        with self._lock:
            more = size - self._sizes.get(path, 0)
            self._sizes[path] = size
            self._total += more
            total = self._total
        self._fetching(more, None)
        if more > 0 and total > limit:
            raise _too_large(f"the export of profile {self._profile.name}", limit)


def raise_first(sent: Sequence[Future[Fetched]]) -> None:
    """Raise the failure that stopped the others, if there is one."""
    failed = [
        error for one in sent if not one.cancelled() and (error := one.exception()) is not None
    ]
    for error in sorted(failed, key=lambda each: isinstance(each, StoppedError)):
        raise error


def _checked_start(chunks: Iterator[bytes], response: httpx.Response) -> Iterator[bytes]:
    """Pass on what begins like lines of JSON; a page for people is not worth storing."""
    begun = False
    for chunk in chunks:
        if not begun and (start := chunk.lstrip()):
            begun = True
            if not start.startswith(b"{"):
                page = "html" in response.headers.get("content-type", "").lower()
                looks = start[:1] == b"<" or page
                got = "a page (HTML)" if looks else "something else"
                raise AgainError("not_ndjson", f"{got} with status 200", tries=3)
        yield chunk


def _check_provable(response: httpx.Response, remote: RemoteFile) -> None:
    """Refuse a body of which nobody could tell whether it is whole."""
    headers = response.headers
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise AgainError(
            "unknown_encoding", "a compression nobody asked for", tries=2, closes_job=True
        )
    framed = "content-length" in headers or "chunked" in headers.get("transfer-encoding", "")
    if not framed and remote.count is None:
        raise AgainError(
            "length_unknown",
            "neither a length, nor chunks, nor a count of lines",
            tries=2,
            closes_job=True,
        )


def _check_rows(contents: Contents, remote: RemoteFile) -> None:
    if remote.count is not None and contents.rows != remote.count:
        raise AgainError(
            "wrong_count",
            f"{contents.rows} lines where {remote.count} are told",
            tries=3,
            closes_job=True,
        )
    if remote.count is None and contents.rows == 0 and remote.use == "output":
        raise AgainError(
            "empty_file", "not one line, and no count that says so", tries=3, closes_job=True
        )


def _too_large(subject: str, limit: int) -> ExportError:
    return ExportError(
        "too_large",
        f"{subject}: expected at most {limit // MIB} MiB, got more. Nothing is delivered. If it is "
        "right, raise budgets.file_mib or budgets.export_mib in the profile.",
        closes_job=True,
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
