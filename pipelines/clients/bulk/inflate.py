"""What comes over the wire made plain, whatever was said about its compression.

Belongs here: telling gzip by its first bytes, inflating it with a cap, and noticing that it ends
early. Does not belong here: what the lines say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from isal import isal_zlib

from pipelines.clients.bulk.errors import ExportError
from pipelines.clients.bulk.session import AgainError

_BROKEN = cast("type[Exception]", isal_zlib.error)
_MAGIC = b"\x1f\x8b"
_PIECE = 1024 * 1024
_LAYERS = 2
_RATIO = 200
_RATIO_AFTER = 64 * 1024 * 1024
_GZIP = 31
"""Window bits of zlib's interface for a stream with gzip's header and checksum."""


def plain(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Bytes as they are, or inflated where they are gzip, up to two layers of it.

    Args:
        chunks: As received. A header may say gzip of what is not and the other way about, so none
            is asked.

    Yields:
        Plain bytes in pieces of at most a mebibyte or a chunk.

    Raises:
        AgainError: ``damaged_gzip``: it ends early, or its checksum is not its content's.
        ExportError: ``decompression_bomb``.
    """
    for _ in range(_LAYERS):
        start, chunks = _peek(chunks)
        if start != _MAGIC:
            return chunks
        chunks = _inflated(chunks)
    return chunks


def _peek(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(_MAGIC):
            break

    def again() -> Iterator[bytes]:
        if head:
            yield head
        yield from chunks

    return head[: len(_MAGIC)], again()


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    inflater = isal_zlib.decompressobj(wbits=_GZIP)
    taken = given = 0
    for chunk in chunks:
        taken += len(chunk)
        rest = chunk
        while rest:
            if inflater.eof:
                # Files that were joined are several streams in a row.
                inflater = isal_zlib.decompressobj(wbits=_GZIP)
            try:
                piece = inflater.decompress(rest, _PIECE)
            except _BROKEN:
                raise AgainError("damaged_gzip", "gzip that is broken", tries=2) from None
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            given += len(piece)
            if given > _RATIO_AFTER and given > _RATIO * taken:
                raise ExportError(
                    "decompression_bomb",
                    f"a file unpacks to more than {_RATIO} times its size. Nothing is delivered. "
                    "Ask the server's operator.",
                    closes_job=True,
                )
            if piece:
                yield piece
    if not inflater.eof and (piece := inflater.flush()):
        yield piece
    if not inflater.eof:
        raise AgainError("damaged_gzip", "gzip that ends early", tries=3)
