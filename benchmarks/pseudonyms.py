"""Pseudonyms of a column against bare loops of other keyed functions over the same bytes.

Usage: python benchmarks/pseudonyms.py [ROWS] [--distinct PERCENT …] [--length BYTES]
Prints nanoseconds per row and per distinct identifier of ours (from a Polars column to a Polars
column of hexadecimal digits), of loops that make nothing but the digest of each row and throw it
away (``hmac.digest`` of SHA-256, keyed ``hashlib.blake2b``), and of bare passes of AES over as many
blocks, which is the least that CMAC can take. Then ours in two threads at once: 2.00 is two
columns in the time of one, and says something only while nothing else wants the second core.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterable
from time import perf_counter

import numpy as np
import polars as pl
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from anonymization.keys import Key
from anonymization.pseudonyms import Pseudonymiser

SECRET = bytes(range(32))
PASS_BLOCKS = 1 << 15


def column(rows: int, percent: float, length: int) -> pl.Series:
    """Identifiers of equal length in random order, of which so many are distinct."""
    random = np.random.default_rng(1)
    distinct = max(1, round(rows * percent / 100))
    numbers = np.concatenate([np.arange(distinct), random.integers(0, distinct, rows - distinct)])
    made = pl.Series("id", random.permutation(numbers)).cast(pl.String)
    return ("pas-" + made.str.zfill(length - 4)).rechunk().alias("id")


def seconds(work: Callable[[], object]) -> float:
    """Seconds of one run."""
    begun = perf_counter()
    work()
    return perf_counter() - begun


def hmac_loop(identifiers: Iterable[bytes]) -> None:
    """HMAC-SHA-256 of each."""
    digest = hmac.digest
    for identifier in identifiers:
        digest(SECRET, identifier, "sha256")


def blake2_loop(identifiers: Iterable[bytes]) -> None:
    """Keyed BLAKE2b of each, 128 bits."""
    blake2b = hashlib.blake2b
    for identifier in identifiers:
        blake2b(identifier, digest_size=16, key=SECRET).digest()


def aes_passes(rows: int, blocks: int) -> Callable[[], None]:
    """AES-256 over as many blocks as the rows have."""
    cipher = Cipher(algorithms.AES256(SECRET), modes.ECB()).encryptor()
    block, room = bytearray(16 * PASS_BLOCKS), bytearray(16 * (PASS_BLOCKS + 1))

    def passes() -> None:
        for _ in range(-(-rows * blocks // PASS_BLOCKS)):
            cipher.update_into(block, room)

    return passes


def in_threads(work: Callable[[], object], count: int) -> None:
    """The same work in so many threads at once."""
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def compare(rows: int, percent: float, length: int) -> None:
    """Run all over one column and print the comparison."""
    identifiers = column(rows, percent, length)
    distinct = identifiers.n_unique()
    door = Pseudonymiser(Key("benchmark", 1, SECRET))

    def ours() -> pl.Series:
        return door.column(identifiers, domain="benchmark")

    print(f"{rows} rows of {length} bytes, {distinct} distinct")
    alone = seconds(ours)
    measured = {"ours": alone}
    raw = identifiers.cast(pl.Binary).to_list()
    measured["hmac.digest, SHA-256"] = seconds(lambda: hmac_loop(raw))
    measured["hashlib.blake2b, keyed"] = seconds(lambda: blake2_loop(raw))
    measured["bare AES-256"] = seconds(aes_passes(rows, -(-length // 16)))
    for label, took in measured.items():
        per_row, per_distinct = took / rows * 1e9, took / distinct * 1e9
        print(
            f"{label:24} {per_row:8.1f} ns/row {per_distinct:8.1f} ns/distinct "
            f"{took / alone:7.2f} of ours"
        )
    scaling = 2 * min(seconds(ours) for _ in range(3)) / seconds(lambda: in_threads(ours, 2))
    print(f"two threads: {scaling:.2f} times the work of one")


def main() -> None:
    """Compare for each share of distinct identifiers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=5_000_000)
    parser.add_argument("--distinct", nargs="+", type=float, default=[100.0, 10.0])
    parser.add_argument("--length", type=int, default=12, choices=range(12, 201), metavar="BYTES")
    arguments = parser.parse_args()
    for percent in arguments.distinct:
        compare(arguments.rows, percent, arguments.length)


if __name__ == "__main__":
    main()
