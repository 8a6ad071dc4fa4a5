"""Verify a delivered file before anything parses it.

Belongs here: size, hash, complete decompression with its checksum, the declared encoding, number
of lines, caps against bombs, and the private copy that is parsed afterwards. Does not belong here:
what the lines say, what a Parquet file says of itself (``verify_parquet``).

DuckDB does not check the checksum of gzip, so no file reaches it unverified. What is parsed is the
copy made while verifying, decompressed and in UTF-8: bytes that change in the inbox afterwards
change nothing, and nothing is decompressed twice.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from pipelines.catalogue.delivered_tables import Encoding
from pipelines.clients.delivered_files import (
    Delivery,
    DeliveryRefusedError,
    ManifestFile,
    open_file,
)
from pipelines.ingest.limits import Limits
from pipelines.ingest.text import Sink, TextCopy

_READ = 256 * 1024  # what is unpacked of it still lies in the cache when it is counted
_STEP = 256 * 1024


@dataclass(frozen=True)
class VerifiedFile:
    """A file whose bytes are what the sender vouched for.

    Attributes:
        path: The private copy: text decompressed, in UTF-8 and without a header; Parquet as it is.
        file: The manifest's entry.
        text_bytes: Bytes after decompression.
        sample: First lines, as bytes.
        long_lines: Lines past the limit; DuckDB's own limit depends on its buffers.
        header: First line of a CSV file, in UTF-8 and composed form (NFC).
    """

    path: Path
    file: ManifestFile
    text_bytes: int
    sample: tuple[bytes, ...] = ()
    long_lines: int = 0
    header: bytes = b""

    @property
    def lines_before(self) -> int:
        """Lines of the delivered file that the copy leaves out."""
        return 1 if self.header else 0


def verify(
    delivery: Delivery,
    file: ManifestFile,
    copy: Path,
    limits: Limits,
    encoding: Encoding = "utf-8",
) -> VerifiedFile:
    """Verify one file of text while copying it.

    Args:
        delivery: Where it lies.
        file: What the manifest says about it.
        copy: Where to put the copy; in the identified zone.
        limits: Caps on size and ratio.
        encoding: Declared encoding of the text.

    Raises:
        DeliveryRefusedError: It is not what the manifest says, or not whole, or a bomb, or in
            another encoding.
    """
    with copy.open("wb") as target:
        copy.chmod(0o600)
        text = TextCopy(file, limits, target, encoding)
        receive(delivery, file, text.feed)
        text.finish()
    header = _composed(text.header)
    verified = VerifiedFile(copy, file, text.size, (), text.long_lines, header)
    rows = text.lines
    if rows != file.rows:
        # Blank lines do not count; they are told apart the slow way, and only when there are some.
        rows = sum(1 for _ in read_lines(verified, limits))
    if rows != file.rows:
        raise DeliveryRefusedError(
            "wrong_row_count", f"manifest says {file.rows} rows, got {rows} lines"
        )
    sample = tuple(islice(_whole_lines(text.head(limits)), limits.sample_lines))
    return VerifiedFile(copy, file, text.size, sample, text.long_lines, header)


def receive(delivery: Delivery, file: ManifestFile, take: Sink) -> None:
    """Read a file from the inbox once, and hold it to the size and hash that it should have.

    Args:
        delivery: Where it lies.
        file: What the manifest says about it.
        take: Called with each chunk of its bytes.

    Raises:
        DeliveryRefusedError: ``wrong_size`` or ``wrong_hash``, or it cannot be opened.
    """
    digest = hashlib.sha256()
    size = 0
    with open_file(delivery, file.name) as stream:
        while chunk := stream.read(_READ):
            size += len(chunk)
            if size > file.bytes:
                raise DeliveryRefusedError(
                    "wrong_size", f"manifest says {file.bytes} bytes, got more"
                )
            digest.update(chunk)
            take(chunk)
    if size != file.bytes:
        raise DeliveryRefusedError("wrong_size", f"manifest says {file.bytes} bytes, got {size}")
    if digest.hexdigest() != file.sha256:
        raise DeliveryRefusedError(
            "wrong_hash", "the SHA-256 is not the manifest's: the file was changed on its way"
        )


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
    """The filled lines of a verified file of text.

    Args:
        verified: The file.
        limits: Longest line.

    Yields:
        Line number in the delivered file (from 1, blank lines and header counted), the line
        without its end, and whether it is whole (a line past the limit is cut there).
    """
    with verified.path.open("rb") as stream:
        number = verified.lines_before
        while line := stream.readline(limits.line_bytes + 1):
            number += 1
            whole = len(line) <= limits.line_bytes or line.endswith(b"\n")
            if not whole:
                while (rest := stream.readline(_STEP)) and not rest.endswith(b"\n"):
                    pass
            if line.strip():
                yield number, line.rstrip(b"\r\n"), whole


def _composed(header: bytes) -> bytes:
    try:
        return unicodedata.normalize("NFC", header.decode("utf-8")).encode()
    except UnicodeDecodeError:
        raise DeliveryRefusedError("wrong_encoding", "its first line is not UTF-8") from None


def _whole_lines(head: BinaryIO) -> Iterator[bytes]:
    # Cut where the sample ends, the last line may lack its end.
    for line in head:
        if line.endswith(b"\n") and line.strip():
            yield line.rstrip(b"\r\n")
