"""Verify a delivered file before anything parses it.

Belongs here: size, hash, complete decompression with its checksum, number of lines, caps against
bombs, and the private copy that is parsed afterwards. Does not belong here: what the lines say.

DuckDB does not check the checksum of gzip, so no file reaches it unverified. What is parsed is the
copy made while verifying: bytes that change in the inbox afterwards change nothing.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from pipelines.clients.delivered_files import (
    Delivery,
    DeliveryRefusedError,
    ManifestFile,
    open_file,
)
from pipelines.ingest.limits import Limits

_READ = 256 * 1024
_STEP = 256 * 1024
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class VerifiedFile:
    """A file whose bytes are what the sender vouched for.

    Attributes:
        path: The private copy, compressed as delivered.
        file: The manifest's entry.
        text_bytes: Bytes after decompression.
        sample: First lines, as bytes.
        long_lines: Lines past the limit; DuckDB's own limit depends on its buffers.
    """

    path: Path
    file: ManifestFile
    text_bytes: int
    sample: tuple[bytes, ...]
    long_lines: int = 0


def verify(delivery: Delivery, file: ManifestFile, copy: Path, limits: Limits) -> VerifiedFile:
    """Verify one file while copying it.

    Args:
        delivery: Where it lies.
        file: What the manifest says about it.
        copy: Where to put the copy; in the identified zone.
        limits: Caps on size and ratio.

    Raises:
        DeliveryRefusedError: It is not what the manifest says, or not whole, or a bomb.
    """
    text = _Text(file, limits)
    with open_file(delivery, file.name) as stream, copy.open("wb") as target:
        copy.chmod(0o600)
        size, digest = _copy(stream, target, text, file)
    if size != file.bytes:
        raise DeliveryRefusedError("wrong_size", f"manifest says {file.bytes} bytes, got {size}")
    if digest != file.sha256:
        raise DeliveryRefusedError(
            "wrong_hash", "the SHA-256 is not the manifest's: the file was changed on its way"
        )
    text.finish()
    rows = text.lines
    if rows != file.rows:
        # Blank lines do not count; they are told apart the slow way, and only when there are some.
        rows = sum(1 for _ in _filled_lines(copy, file, limits))
    if rows != file.rows:
        raise DeliveryRefusedError(
            "wrong_row_count", f"manifest says {file.rows} lines, got {rows}"
        )
    return VerifiedFile(copy, file, text.size, text.sample(limits), text.long_lines)


def received_sha256(delivery: Delivery, file: ManifestFile) -> str | None:
    """Hash of what lies in the inbox under a file's name, whatever the manifest says.

    Args:
        delivery: Where it lies.
        file: The manifest's entry.

    Returns:
        SHA-256 of its bytes, of no more than one past those the manifest states; null when there
        is no such plain file.
    """
    digest = hashlib.sha256()
    left = file.bytes + 1
    try:
        with open_file(delivery, file.name) as stream:
            while left and (chunk := stream.read(min(_READ, left))):
                digest.update(chunk)
                left -= len(chunk)
    except DeliveryRefusedError:
        return None
    return digest.hexdigest()


def read_lines(verified: VerifiedFile, limits: Limits) -> Iterator[tuple[int, bytes, bool]]:
    """The filled lines of a verified file.

    Args:
        verified: The file.
        limits: Longest line.

    Yields:
        Line number (from 1, blank lines counted), the line without its end, and whether it is
        whole (a line past the limit is cut there).
    """
    return _filled_lines(verified.path, verified.file, limits)


def _filled_lines(
    path: Path, file: ManifestFile, limits: Limits
) -> Iterator[tuple[int, bytes, bool]]:
    opener = gzip.open if file.compression == "gzip" else open
    with opener(path, "rb") as stream:
        number = 0
        while line := stream.readline(limits.line_bytes + 1):
            number += 1
            whole = len(line) <= limits.line_bytes or line.endswith(b"\n")
            if not whole:
                while (rest := stream.readline(_STEP)) and not rest.endswith(b"\n"):
                    pass
            if line.strip():
                yield number, line.rstrip(b"\r\n"), whole


def _copy(stream: BinaryIO, target: BinaryIO, text: _Text, file: ManifestFile) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    while chunk := stream.read(_READ):
        size += len(chunk)
        if size > file.bytes:
            raise DeliveryRefusedError("wrong_size", f"manifest says {file.bytes} bytes, got more")
        digest.update(chunk)
        target.write(chunk)
        text.feed(chunk)
    return size, digest.hexdigest()


@dataclass
class _Text:
    """Decompresses in small steps, counts lines, and keeps the first ones."""

    file: ManifestFile
    limits: Limits
    size: int = 0
    lines: int = 0
    long_lines: int = 0
    _line: int = 0
    _read: int = 0
    _last: bytes = b"\n"
    _head: bytearray = field(default_factory=bytearray)
    _inflater: zlib._Decompress | None = None
    _problem: DeliveryRefusedError | None = None

    def feed(self, chunk: bytes) -> None:
        self._read += len(chunk)
        if self.file.compression == "none":
            self._take(chunk)
        elif self._problem is None:
            try:
                self._inflate(chunk)
            except zlib.error:
                # Kept until size and hash are known: they tell better what happened.
                self._problem = DeliveryRefusedError(
                    "damaged_gzip", "decompression failed or the checksum inside is wrong"
                )

    def _measure(self, text: bytes) -> None:
        # Steps are far shorter than the limit: only a line that spans steps can be too long.
        end = text.find(b"\n")
        self._line += len(text) if end < 0 else end
        if end >= 0:
            self.long_lines += self._line > self.limits.line_bytes
            self._line = len(text) - 1 - text.rfind(b"\n")

    def finish(self) -> None:
        if self._problem is not None:
            raise self._problem
        if self.file.compression == "gzip" and not (self._inflater and self._inflater.eof):
            raise DeliveryRefusedError("truncated_gzip", "the compressed stream ends too early")
        if self._last != b"\n":
            self.lines += 1
            self.long_lines += self._line > self.limits.line_bytes
        if bytes(self._head[:3]).startswith(_BYTE_ORDER_MARKS):
            raise DeliveryRefusedError(
                "wrong_encoding", "it begins with a byte order mark; expected UTF-8 without one"
            )

    def sample(self, limits: Limits) -> tuple[bytes, ...]:
        lines = (line for line in io.BytesIO(self._head) if line.strip())
        # Cut where the sample ends, the last line may lack its end.
        whole = (line for line in lines if line.endswith(b"\n") or len(self._head) == self.size)
        return tuple(islice((line.rstrip(b"\n") for line in whole), limits.sample_lines))

    def _inflate(self, chunk: bytes) -> None:
        while chunk:
            if self._inflater is None or self._inflater.eof:
                self._inflater = zlib.decompressobj(wbits=31)
            text = self._inflater.decompress(chunk, _STEP)
            # After the end of one member another may follow.
            chunk = self._inflater.unused_data or self._inflater.unconsumed_tail
            while text:
                self._take(text)
                # All input may be eaten while output still waits inside.
                full = len(text) == _STEP and not chunk
                text = self._inflater.decompress(b"", _STEP) if full else b""

    def _take(self, text: bytes) -> None:
        if not text:
            return
        self.size += len(text)
        too_dense = self.size > self.limits.ratio_after and (
            self.size > self.limits.ratio * self._read
        )
        if self.size > self.limits.file_bytes or too_dense:
            raise DeliveryRefusedError(
                "decompression_bomb",
                f"more than {self.limits.file_bytes} bytes, or more than {self.limits.ratio:g} "
                "times its compressed size",
            )
        self.lines += text.count(b"\n")
        self._last = text[-1:]
        self._measure(text)
        if len(self._head) < self.limits.sample_bytes:
            self._head += text[: self.limits.sample_bytes - len(self._head)]
