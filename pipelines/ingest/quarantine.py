"""Quarantine: the lines that cannot pass the door, kept for the source to mend.

Belongs here: keeping the raw lines in the identified zone, and their counts by reason for stewards.
Does not belong here: judging lines, releasing them, the texts of the reasons
(``catalogue/quarantine_reasons.yml``).

Raw lines are sealed with AES-256-GCM (NIST SP 800-38D) when a key is given, bound to delivery and
file. They are never logged and never leave ``identified/quarantine/``.
"""

from __future__ import annotations

import base64
import json
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from anonymization.keys import Key
from pipelines.ingest.errors import QuarantineError
from pipelines.ingest.ledger import LedgerEntry
from pipelines.ingest.limits import Limits
from pipelines.ingest.verify import VerifiedFile, read_lines
from pipelines.settings import Zones, atomic_write

COUNTS_SCHEMA = pl.Schema(
    {
        "source": pl.String(),
        "delivery": pl.String(),
        "entity": pl.String(),
        "file": pl.String(),
        "reason": pl.String(),
        "rows": pl.Int64(),
    }
)
_NONCE = 12
_STORED_BYTES = 64 * 1024
"""Of a line past the limit only the beginning is kept; the delivery itself has the rest."""


def store_lines(
    zones: Zones,
    delivery_id: str,
    verified: VerifiedFile,
    bad: pl.DataFrame,
    key: Key | None,
    limits: Limits,
) -> Path:
    """Keep the raw lines of one file.

    Args:
        zones: The zones.
        delivery_id: The delivery.
        verified: The file.
        bad: ``_row``, ``reason``, ``column`` of the lines.
        key: Seals them; without one they lie open, readable by the owner alone.
        limits: Longest line.

    Returns:
        The file written: JSON lines of ``line``, ``reason``, ``column``, ``raw`` (base64).
    """
    wanted = {row: (reason, column) for row, reason, column in bad.iter_rows()}
    entries: list[str] = []
    for row, (line_number, line, whole) in enumerate(read_lines(verified, limits), start=1):
        if row in wanted:
            reason, column = wanted[row]
            raw = base64.b64encode(line if whole else line[:_STORED_BYTES]).decode()
            entries.append(
                json.dumps({"line": line_number, "reason": reason, "column": column, "raw": raw})
            )
    content = ("\n".join(entries) + "\n").encode()
    folder = zones.quarantine / delivery_id
    name = f"{verified.file.name}.jsonl"
    path = folder / (f"{name}.sealed" if key else name)
    with atomic_write(path) as temporary:
        temporary.write_bytes(
            _seal(content, key, _binding(delivery_id, verified.file.name)) if key else content
        )
    return path


def open_lines(path: Path, key: Key | None = None) -> Iterator[Mapping[str, str | int]]:
    """Read quarantined lines back.

    Args:
        path: A file that ``store_lines`` wrote.
        key: The key it was sealed with.

    Yields:
        ``line``, ``reason``, ``column`` and ``raw`` (base64) of each line.

    Raises:
        QuarantineError: It is sealed and the key is missing or another, or it was changed.
    """
    content = path.read_bytes()
    if path.suffix == ".sealed":
        if key is None:
            raise QuarantineError(f"{path.name} is sealed. Give the quarantine key to open it.")
        name = path.name.removesuffix(".jsonl.sealed")
        try:
            content = _cipher(key).decrypt(
                content[:_NONCE], content[_NONCE:], _binding(path.parent.name, name)
            )
        except InvalidTag:
            raise QuarantineError(
                f"{path.name} cannot be opened: another key, or the file was changed or moved."
            ) from None
    for line in content.splitlines():
        yield json.loads(line)


def clear(zones: Zones, delivery_id: str) -> None:
    """Remove the raw lines of an earlier attempt at a delivery."""
    shutil.rmtree(zones.quarantine / delivery_id, ignore_errors=True)


def write_counts(zones: Zones, entry: LedgerEntry) -> None:
    """Write the counts of one delivery for stewards: rows by entity, file and reason.

    Lines of refused files are counted as a whole under the reason of the refusal.
    """
    with atomic_write(zones.steward / "quarantine" / f"{entry.id}.parquet") as temporary:
        _counts([entry]).write_parquet(temporary, compression="zstd")


def quarantine_counts(zones: Zones) -> pl.DataFrame:
    """Quarantined rows of all deliveries.

    Returns:
        One row per source, delivery, entity, file and reason, with ``rows``.
    """
    paths = sorted((zones.steward / "quarantine").glob("*.parquet"))
    frames = [pl.read_parquet(path) for path in paths]
    return pl.concat([pl.DataFrame(schema=COUNTS_SCHEMA), *frames])


def _counts(entries: Iterable[LedgerEntry]) -> pl.DataFrame:
    rows = [
        (entry.source, entry.delivery, file.entity, file.name, reason, count)
        for entry in entries
        for file in entry.files
        for reason, count in sorted(
            {file.refused_reason or "": file.delivered_rows}.items()
            if file.state == "refused"
            else file.quarantined_by_reason.items()
        )
    ]
    return pl.DataFrame(rows, schema=COUNTS_SCHEMA, orient="row")


def _seal(content: bytes, key: Key, binding: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + _cipher(key).encrypt(nonce, content, binding)


def _cipher(key: Key) -> AESGCM:
    # A key of its own (RFC 5869), whatever else the given one is used for.
    derived = HKDF(SHA256(), length=32, salt=None, info=b"folkepuls quarantine 1")
    return AESGCM(derived.derive(key.secret))


def _binding(delivery_id: str, name: str) -> bytes:
    return f"folkepuls quarantine 1\n{delivery_id}\n{name}".encode()
