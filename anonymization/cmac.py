"""AES-256-CMAC of a whole array of messages at once.

Belongs here: the authentication code itself (NIST SP 800-38B, RFC 4493), over Arrow arrays.

Does not belong here: what the messages are and where the key comes from
(``anonymization.pseudonyms``).

CMAC chains a message's 16-byte blocks through AES, the last one mixed with a subkey. Messages do
not depend on each other, so block 0 of all of them is one pass of AES over one array, then block 1
of those that have one, and so on: the only loop is over block positions. AES of independent blocks
is what the ECB mode does; its weakness, equal blocks showing, does not arise, since nothing but
the last block's output leaves this module.
"""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK_BYTES: Final = 16
_BLOCK: Final = np.dtype("V16")
# An Arrow view is 16 bytes: the length in four, then the message itself if it is this short.
_INLINE_BYTES: Final = 12
# A block with more blocks after it; below it stands how many bytes a last block has.
_INNER: Final = BLOCK_BYTES + 1

Blocks: TypeAlias = npt.NDArray[np.void]
Counts: TypeAlias = npt.NDArray[np.int64]


class ArrayCmac:
    """AES-256-CMAC under one key. Not to be shared by threads: it holds a cipher's state.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(algorithms.AES256(key), modes.ECB()).encryptor()  # noqa: S305
        subkey_1 = _doubled(self._cipher.update(bytes(BLOCK_BYTES)))
        self._keep, self._mix = _last_blocks(subkey_1, _doubled(subkey_1))

    def tags(self, messages: pa.Array) -> npt.NDArray[np.uint8]:
        """The code of each message.

        Args:
            messages: ``string_view`` or ``binary_view`` without nulls; any lengths.

        Returns:
            16 bytes per message, in their order.
        """
        if not len(messages):
            return np.empty((0, BLOCK_BYTES), np.uint8)
        views = np.frombuffer(messages.buffers()[1], np.uint32).reshape(-1, 4)
        views = views[messages.offset : messages.offset + len(messages)]
        if views[:, 0].max() <= _INLINE_BYTES:
            tags = self._short(views)
        else:
            tags = self._long(messages.cast(pa.large_binary()))
        return tags.view(np.uint8).reshape(-1, BLOCK_BYTES)

    def _short(self, views: npt.NDArray[np.uint32]) -> Blocks:
        """Messages that lie within their views, and are one block each."""
        block = np.empty(len(views), _BLOCK)
        # Shifted by the four bytes of the length; what comes in at the end is masked away.
        words = block.view(np.uint32)
        words[:-1] = views.reshape(-1)[1:]
        words[-1] = 0
        self._finish(block, views[:, 0].astype(np.int64))
        return self._encrypt(block)

    def _long(self, messages: pa.Array) -> Blocks:
        """Messages that lie one after the other."""
        offsets = np.frombuffer(messages.buffers()[1], np.int64)
        offsets = offsets[messages.offset : messages.offset + len(messages) + 1]
        begin, end = int(offsets[0]), int(offsets[-1])
        # A block more, so that 16 bytes can be read from wherever a message has its last ones.
        data = np.zeros(end - begin + BLOCK_BYTES, np.uint8)
        data[: end - begin] = np.frombuffer(messages.buffers()[2], np.uint8)[begin:end]
        windows = np.ndarray((end - begin + 1,), _BLOCK, data, strides=(1,))
        sizes = np.diff(offsets)
        if sizes.min() == sizes.max():
            return self._chain_equal(windows, len(sizes), int(sizes[0]))
        return self._chain(windows, offsets[:-1] - begin, sizes)

    def _chain_equal(self, windows: Blocks, count: int, size: int) -> Blocks:
        """Messages of one size: their blocks lie at regular distances and need no gathering."""
        state = np.zeros(count, _BLOCK)
        for at in range(0, size, BLOCK_BYTES):
            block = windows[at::size][:count].copy()
            self._finish(block, np.full(count, min(size - at, _INNER)))
            _xor(block, state)
            state = self._encrypt(block)
        return state

    def _chain(self, windows: Blocks, starts: Counts, sizes: Counts) -> Blocks:
        """Messages of any sizes: after each block those go on that have another."""
        state = np.zeros(len(sizes), _BLOCK)
        rows = np.arange(len(sizes))
        at = 0
        while rows.size:
            block = windows[starts[rows] + at]
            self._finish(block, np.minimum(sizes[rows] - at, _INNER))
            _xor(block, state[rows])
            state[rows] = self._encrypt(block)
            at += BLOCK_BYTES
            rows = rows[sizes[rows] > at]
        return state

    def _finish(self, block: Blocks, left: Counts) -> None:
        """Cut, pad and mix the blocks with what belongs to the bytes left; see ``_INNER``."""
        words = block.view(np.uint64)
        np.bitwise_and(words, self._keep[left].view(np.uint64), out=words)
        np.bitwise_xor(words, self._mix[left].view(np.uint64), out=words)

    def _encrypt(self, block: Blocks) -> Blocks:
        # The cipher asks for room for one more block than it writes.
        room = np.empty(len(block) + 1, _BLOCK)
        self._cipher.update_into(block.view(np.uint8).data, room.view(np.uint8).data)
        return room[:-1]


def _xor(block: Blocks, other: Blocks) -> None:
    words = block.view(np.uint64)
    np.bitwise_xor(words, other.view(np.uint64), out=words)


def _doubled(block: bytes) -> bytes:
    """Twice the block in GF(2^128); the subkeys are L·2 and L·4 (SP 800-38B, section 6.1)."""
    doubled = int.from_bytes(block, "big") << 1
    if doubled >> 128:
        doubled ^= (1 << 128) | 0x87
    return doubled.to_bytes(BLOCK_BYTES, "big")


def _last_blocks(subkey_1: bytes, subkey_2: bytes) -> tuple[Blocks, Blocks]:
    """For each number of bytes left: which bytes to keep, and what to mix in.

    A full last block is mixed with the first subkey; a shorter one gets a one bit and zeros behind
    it and is mixed with the second; an inner block stays as it is.
    """
    position = np.arange(BLOCK_BYTES)
    left = np.arange(_INNER + 1)[:, None]
    keep = np.where(position < left, 0xFF, 0).astype(np.uint8)
    mix = np.where(position == left, 0x80, 0).astype(np.uint8)
    mix[:BLOCK_BYTES] ^= np.frombuffer(subkey_2, np.uint8)
    mix[BLOCK_BYTES] = np.frombuffer(subkey_1, np.uint8)
    return keep.view(_BLOCK)[:, 0], mix.view(_BLOCK)[:, 0]
