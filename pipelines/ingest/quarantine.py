"""Quarantine: the lines that cannot pass the door, kept for the source to mend.

Belongs here: keeping the raw lines in the identified zone, and their counts by reason for stewards.
Does not belong here: judging lines, releasing them (``release``), the texts of the reasons
(``catalogue/quarantine_reasons.yml``).

Raw lines are sealed with AES-256-GCM (NIST SP 800-38D) when a key is given, bound to delivery and
file. They are never logged and never leave ``identified/``.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from anonymization.keys import Key
from pipelines.ingest.errors import QuarantineError
from pipelines.ingest.ledger import LedgerEntry
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
_SUFFIX = ".jsonl"
_SEALED = ".sealed"
_STORED_BYTES = 64 * 1024
"""Of a line past the limit only the beginning is kept; the delivery itself has the rest."""


@dataclass(frozen=True)
class QuarantinedLine:
    """One line in quarantine.

    Attributes:
        line: Its number in the delivered file, from 1; of Parquet, the number of the row.
        reason: Why, a code of ``quarantine_reasons.yml``.
        column: Which element or column; empty for the line as a whole.
        raw: The line as delivered, in UTF-8; of Parquet, the row as an Arrow stream.
        header: First line of a CSV file.
        whole: It is all there.
    """

    line: int
    reason: str
    column: str
    raw: bytes
    header: bytes = b""
    whole: bool = True

    def as_json(self) -> str:
        """The line as it is kept."""
        return json.dumps(
            {
                "line": self.line,
                "reason": self.reason,
                "column": self.column,
                "raw": base64.b64encode(
                    self.raw if self.whole else self.raw[:_STORED_BYTES]
                ).decode(),
                **({"header": base64.b64encode(self.header).decode()} if self.header else {}),
                **({} if self.whole else {"whole": False}),
            }
        )

    @classmethod
    def from_json(cls, text: bytes) -> QuarantinedLine:
        """What ``as_json`` gave."""
        kept = json.loads(text)
        return cls(
            kept["line"],
            kept["reason"],
            kept["column"],
            base64.b64decode(kept["raw"]),
            base64.b64decode(kept.get("header", "")),
            kept.get("whole", True),
        )


def store_lines(
    zones: Zones, delivery_id: str, file: str, lines: Iterable[QuarantinedLine], key: Key | None
) -> None:
    """Keep the raw lines of one file; without any, what was kept of it is removed.

    Args:
        zones: The zones.
        delivery_id: The delivery.
        file: Name of the delivered file.
        lines: The lines, in their order.
        key: Seals them; without one they lie open, readable by the owner alone.
    """
    path = _path(zones, delivery_id, file, key is not None)
    entries = [line.as_json() for line in lines]
    if entries:
        content = ("\n".join(entries) + "\n").encode()
        with atomic_write(path) as temporary:
            temporary.write_bytes(
                _seal(content, key, _binding(delivery_id, file)) if key else content
            )
    for other in {_path(zones, delivery_id, file, sealed) for sealed in (True, False)} - (
        {path} if entries else set()
    ):
        other.unlink(missing_ok=True)


def stored_files(zones: Zones, delivery_id: str) -> Mapping[str, Path]:
    """Files with lines in quarantine, by the name of the delivered file."""
    folder = zones.quarantine / delivery_id
    return {
        path.name.removesuffix(_SEALED).removesuffix(_SUFFIX): path
        for path in sorted(folder.glob(f"*{_SUFFIX}*"))
        if not path.name.startswith(".")
    }


def open_lines(path: Path, key: Key | None = None) -> Iterator[QuarantinedLine]:
    """Read quarantined lines back.

    Args:
        path: A file that ``store_lines`` wrote.
        key: The key it was sealed with.

    Yields:
        Each line.

    Raises:
        QuarantineError: It is sealed and the key is missing or another, or it was changed.
    """
    content = path.read_bytes()
    if path.suffix == _SEALED:
        if key is None:
            raise QuarantineError(f"{path.name} is sealed. Give the quarantine key to open it.")
        name = path.name.removesuffix(_SUFFIX + _SEALED)
        try:
            content = _cipher(key).decrypt(
                content[:_NONCE], content[_NONCE:], _binding(path.parent.name, name)
            )
        except InvalidTag:
            raise QuarantineError(
                f"{path.name} cannot be opened: another key, or the file was changed or moved."
            ) from None
    for line in content.splitlines():
        yield QuarantinedLine.from_json(line)


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


def _path(zones: Zones, delivery_id: str, file: str, sealed: bool) -> Path:
    return zones.quarantine / delivery_id / f"{file}{_SUFFIX}{_SEALED if sealed else ''}"


def _seal(content: bytes, key: Key, binding: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + _cipher(key).encrypt(nonce, content, binding)


def _cipher(key: Key) -> AESGCM:
    # A key of its own (RFC 5869), whatever else the given one is used for.
    derived = HKDF(SHA256(), length=32, salt=None, info=b"folkepuls quarantine 1")
    return AESGCM(derived.derive(key.secret))


def _binding(delivery_id: str, name: str) -> bytes:
    return f"folkepuls quarantine 1\n{delivery_id}\n{name}".encode()
