"""Delivered text on its way to the private copy: decompressed, decoded, counted, capped.

Belongs here: what is done to the bytes of a file of text, chunk by chunk. Does not belong here:
where they come from and whether they are the ones that were sent (``verify``).

The inflater is that of ISA-L, which checks the checksum as zlib does at five times the speed.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
from isal import igzip_lib, isal_zlib

from pipelines.catalogue.delivered_tables import Encoding
from pipelines.clients.delivered_files import DeliveryRefusedError, ManifestFile
from pipelines.ingest.limits import Limits

Sink = Callable[[bytes], object]
_STEP = 256 * 1024  # still in the cache when it is counted and written
_GZIP = 31
_LINE_END = ord("\n")
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_MARKED = ("utf-8-sig", "utf-16")
_SINGLE_BYTE = ("windows-1252", "iso-8859-1", "cp865")


class _Utf8:
    """Whether bytes of a declared single-byte encoding, where any byte is a letter, are UTF-8.

    Text of such an encoding is by chance also UTF-8 only where it has no letter beyond ASCII.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._fits = True
        self._beyond_ascii = False

    def look(self, text: bytes, final: bool) -> None:
        """Look at the next bytes."""
        if not self._fits:
            return
        try:
            self._beyond_ascii |= not self._decoder.decode(text, final).isascii()
        except UnicodeDecodeError:
            self._fits = False

    @property
    def is_that(self) -> bool:
        """There are letters beyond ASCII, and all of them are written in UTF-8."""
        return self._fits and self._beyond_ascii


class TextCopy:
    """Takes the bytes of one file and writes its text.

    Args:
        file: The manifest's entry.
        limits: Caps on size, ratio and length of a line.
        target: Where the text goes.
        encoding: Declared encoding; what is not UTF-8 without a mark is written anew in it.

    Attributes:
        size: Bytes of text written, and of the header.
        lines: Lines written; the last may lack its end.
        long_lines: Lines past the limit.
        header: First line of a CSV file, without its end.
    """

    def __init__(
        self, file: ManifestFile, limits: Limits, target: BinaryIO, encoding: Encoding
    ) -> None:
        self._file = file
        self._limits = limits
        self._target = target
        self._encoding = encoding
        self._decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
        self._other = _Utf8() if encoding in _SINGLE_BYTE else None
        self._awaits_header = file.format == "csv"
        self._begun = False
        self._packed = file.compression == "gzip"
        self._inflater = isal_zlib.decompressobj(wbits=_GZIP)
        self._problem: DeliveryRefusedError | None = None
        self._head = bytearray()
        self._read = self._line = 0
        self._last = b"\n"
        self.header = b""
        self.size = self.lines = self.long_lines = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes as they were delivered."""
        self._read += len(chunk)
        if self._problem is not None:
            return
        if not self._packed:
            self._decode(chunk)
            return
        try:
            self._inflate(chunk)
        except igzip_lib.IsalError:  # type: ignore[misc]  # the stub has it as a plain attribute
            # Kept until size and hash are known: they tell better what happened.
            self._problem = DeliveryRefusedError(
                "damaged_gzip", "decompression failed or the checksum inside is wrong"
            )

    def finish(self) -> None:
        """The file has ended.

        Raises:
            DeliveryRefusedError: It is damaged, cut short or in another encoding.
        """
        if self._problem is not None:
            raise self._problem
        if self._packed and not self._inflater.eof:
            raise DeliveryRefusedError("truncated_gzip", "the compressed stream ends too early")
        if self._decoder is not None:
            self._take(self._decoded(b"", final=True))
        if self._other is not None and self._other.is_that:
            raise DeliveryRefusedError(
                "wrong_encoding",
                f"its letters beyond ASCII are all UTF-8; expected {self._encoding} as declared",
            )
        if self._awaits_header and self._head:
            self.header, self._awaits_header = bytes(self._head), False
            self._head.clear()
        if self._last != b"\n":
            self.lines += 1
            self.long_lines += self._line > self._limits.line_bytes
        if bytes(self.header[:3] or self._head[:3]).startswith(_BYTE_ORDER_MARKS):
            raise DeliveryRefusedError(
                "wrong_encoding", "it begins with a byte order mark, which is not declared"
            )

    def head(self, limits: Limits) -> BinaryIO:
        """The first bytes of the text, to sample lines from."""
        whole = bytes(self._head[: limits.sample_bytes])
        complete = len(self._head) == self.size - len(self.header)
        return io.BytesIO(whole + b"\n" if complete else whole)

    def _inflate(self, chunk: bytes) -> None:
        while chunk:
            if self._inflater.eof:
                # After the end of one member another may follow.
                self._inflater = isal_zlib.decompressobj(wbits=_GZIP)
            text = self._inflater.decompress(chunk, _STEP)
            chunk = self._inflater.unused_data or self._inflater.unconsumed_tail
            while text:
                self._decode(text)
                # All input may be eaten while output still waits inside.
                full = len(text) == _STEP and not chunk and not self._inflater.eof
                text = self._inflater.decompress(b"", _STEP) if full else b""

    def _decode(self, text: bytes) -> None:
        marked = not self._begun and text.startswith(_BYTE_ORDER_MARKS)
        self._begun = self._begun or bool(text)
        if marked and self._encoding not in _MARKED and self._encoding != "utf-8":
            raise DeliveryRefusedError(
                "wrong_encoding",
                f"it begins with a byte order mark; expected {self._encoding} as declared",
            )
        self._take(text if self._decoder is None else self._decoded(text))

    def _decoded(self, text: bytes, final: bool = False) -> bytes:
        if self._decoder is None:
            return text
        if self._other is not None:
            self._other.look(text, final)
        try:
            return self._decoder.decode(text, final).encode()
        except UnicodeError:
            # Not only bytes that are no letters: UTF-16 without its mark is an error of its own.
            raise DeliveryRefusedError(
                "wrong_encoding", f"its bytes are not {self._encoding}, which is declared for it"
            ) from None

    def _take(self, text: bytes) -> None:
        if not text:
            return
        self.size += len(text)
        too_dense = self.size > self._limits.ratio_after and (
            self.size > self._limits.ratio * self._read
        )
        if self.size > self._limits.file_bytes or too_dense:
            raise DeliveryRefusedError(
                "decompression_bomb",
                f"more than {self._limits.file_bytes} bytes, or more than {self._limits.ratio:g} "
                "times its compressed size",
            )
        if self._awaits_header:
            text = self._without_header(text)
            if not text:
                return
        self._target.write(text)
        self.lines += int(np.count_nonzero(np.frombuffer(text, np.uint8) == _LINE_END))
        self._last = text[-1:]
        self._measure(text)
        if len(self._head) < self._limits.sample_bytes:
            self._head += text[: self._limits.sample_bytes - len(self._head)]

    def _without_header(self, text: bytes) -> bytes:
        self._head += text
        end = self._head.find(b"\n")
        if end < 0:
            if len(self._head) > self._limits.line_bytes:
                raise DeliveryRefusedError("wrong_header", "its first line does not end")
            return b""
        self.header = bytes(self._head[:end]).rstrip(b"\r")
        rest = bytes(self._head[end + 1 :])
        self._head.clear()
        self._awaits_header = False
        return rest

    def _measure(self, text: bytes) -> None:
        end = text.find(b"\n")
        self._line += len(text) if end < 0 else end
        if end < 0:
            return
        self.long_lines += self._line > self._limits.line_bytes
        last = text.rfind(b"\n")
        if len(text) > self._limits.line_bytes:
            # Only in a step longer than the limit can a whole line inside it be too long.
            inside = text[end + 1 : last + 1].split(b"\n")
            self.long_lines += sum(len(line) > self._limits.line_bytes for line in inside)
        self._line = len(text) - 1 - last
