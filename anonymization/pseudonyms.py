"""Keyed pseudonyms for columns of identifiers.

Belongs here: the derivation of a pseudonym from a key, a purpose, a domain and an identifier.

Does not belong here: the cipher over arrays (``anonymization.cmac``), where keys come from
(``anonymization.keys``), whether an identifier is valid (``anonymization.identifiers``), and which
columns get pseudonyms (``anonymization.pseudonym_door``).

Construction: for every purpose and domain a key of its own by HKDF-SHA-256 (RFC 5869), then
AES-256-CMAC (NIST SP 800-38B, RFC 4493) of the identifier's UTF-8 bytes: 128 bits. Without the key
this is a pseudorandom function, and the list of all possible national numbers is of no use. With
the key it protects nobody: anyone can walk that list in seconds, as with any keyed function, and
the code of an identifier of up to 16 bytes is one AES block, which the key simply decrypts. So
"irreversible" means who holds the key. Two distinct identifiers of up to 15 bytes never meet, nor
do two of 16; any two among a hundred million do with a probability of about 1e-23.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from anonymization.cmac import BLOCK_BYTES, ArrayCmac
from anonymization.keys import SECRET_BYTES, Key

PSEUDONYM_BYTES: Final = BLOCK_BYTES
_CONTEXT: Final = b"folkepuls pseudonym 2"
_HEX_BYTES: Final = 2 * PSEUDONYM_BYTES
# Small enough for a core's own cache, and a multiple of eight: rows share bytes of the null mask.
_CHUNK_ROWS: Final = 1 << 15
# An Arrow view counts bytes within its buffer in 31 bits, and 2^25 times 32 bytes are 2^30.
_BUFFER_BITS: Final = 25
_BUFFER_ROWS: Final = 1 << _BUFFER_BITS


@dataclass(frozen=True)
class Pseudonymiser:
    """Makes pseudonyms for one purpose.

    Attributes:
        key: The secret key.
        purpose: What the pseudonyms are for, e.g. ``restricted`` or a release and its recipient.
            Pseudonyms of two purposes cannot be joined without the key.
    """

    key: Key
    purpose: str = "restricted"

    def __post_init__(self) -> None:
        if not self.purpose:
            raise ValueError("Pseudonymiser: the purpose must be named.")

    def column(self, identifiers: pl.Series, *, domain: str) -> pl.Series:
        """Replace a column of identifiers by pseudonyms.

        Every row is worked: finding the distinct ones first takes longer than their pseudonyms.
        Besides the result it needs some megabytes, however long the column is.

        Args:
            identifiers: Strings in canonical form; nulls stay null.
            domain: What kind of identifier it is, e.g. ``person``. The same string in two domains
                has two pseudonyms that cannot be joined.

        Returns:
            Strings of 32 hexadecimal digits (128 bits), in the same order and under the same name.

        Raises:
            TypeError: If the column is not of strings.
            ValueError: If the domain is empty.
        """
        if identifiers.dtype != pl.String:
            raise TypeError(
                f"Pseudonyms of column {identifiers.name!r}: expected strings, got "
                f"{identifiers.dtype}. Cast it first; leading zeros matter."
            )
        if not domain:
            raise ValueError("Pseudonyms: the domain must be named.")
        if identifiers.null_count() == identifiers.len():
            return identifiers
        return _pseudonyms(identifiers, ArrayCmac(self._domain_key(domain)))

    def _domain_key(self, domain: str) -> bytes:
        parts = [part.encode() for part in (self.purpose, domain)]
        # Lengths go before the parts, or ("ab", "c") and ("a", "bc") would share a key.
        info = _CONTEXT + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=None, info=info).derive(
            self.key.secret
        )


def _pseudonyms(identifiers: pl.Series, cmac: ArrayCmac) -> pl.Series:
    """Pseudonyms of a column, written straight into the buffers of an Arrow array of views.

    The digits of one pseudonym after the other are one buffer (or more, see ``_BUFFER_ROWS``); a
    view per row says where its pseudonym stands. Nulls have a view of zeros and no digits.
    """
    rows, nulls = identifiers.len(), identifiers.null_count()
    digits = np.empty((rows - nulls, _HEX_BYTES // 4), np.uint32)
    views = np.zeros((rows, 4), np.uint32)
    valid = np.zeros(-(-rows // 8), np.uint8) if nulls else None
    done = 0
    for first, piece in _pieces(identifiers):
        present = piece.drop_nulls()
        written = digits[done : done + present.len()]
        tags = cmac.tags(present.to_arrow(compat_level=pl.CompatLevel.newest()))
        np.take(_HEX, tags.view(np.uint16), mode="clip", out=written)
        where = views[first : first + piece.len()]
        if valid is None:
            _point(where, written, done)
        else:
            shown = piece.is_not_null().to_numpy()
            bits = np.packbits(shown, bitorder="little")
            valid[first // 8 : first // 8 + len(bits)] = bits
            pointed = np.empty((present.len(), 4), np.uint32)
            _point(pointed, written, done)
            where[shown] = pointed
        done += present.len()
    buffers = [digits[at : at + _BUFFER_ROWS] for at in range(0, len(digits), _BUFFER_ROWS)]
    array = pa.Array.from_buffers(
        pa.string_view(),
        rows,
        [None if valid is None else pa.py_buffer(valid), *map(pa.py_buffer, [views, *buffers])],
    )
    return pl.Series(identifiers.name, array)


def _pieces(column: pl.Series) -> Iterator[tuple[int, pl.Series]]:
    """A column cut into what is worked at a time, each piece with the position of its first row."""
    for first in range(0, column.len(), _CHUNK_ROWS):
        yield first, column.slice(first, _CHUNK_ROWS)


def _point(views: npt.NDArray[np.uint32], digits: npt.NDArray[np.uint32], position: int) -> None:
    """Write Arrow views of pseudonyms: length, first four digits, buffer, place within it."""
    positions = np.arange(position, position + len(digits))
    views[:, 0] = _HEX_BYTES
    views[:, 1] = digits[:, 0]
    views[:, 2] = positions >> _BUFFER_BITS
    views[:, 3] = (positions & (_BUFFER_ROWS - 1)) * _HEX_BYTES


def _hex_table() -> npt.NDArray[np.uint32]:
    """For each two bytes (as one number) their four hexadecimal digits (as one number)."""
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    pairs = np.arange(1 << 16, dtype=np.uint16).view(np.uint8)
    return np.stack([digits[pairs >> 4], digits[pairs & 15]], axis=-1).reshape(-1).view(np.uint32)


_HEX: Final = _hex_table()
