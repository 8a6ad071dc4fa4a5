"""Looking for planted strings in whatever a pipeline leaves behind, file by file.

Belongs here: taking a file apart into text, whatever it is packed in, and the forms in which a
string may have survived. Does not belong here: which strings and which files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import duckdb
import polars as pl

HEAP = 30_000_000
HEX_DIGITS = 32
"""A cut-off hash is a hash: as many digits of it as a pseudonym has are looked for."""


def forms(kind: str, canary: str) -> set[str]:
    """The forms, casefolded, in which a canary of a kind may be found.

    National numbers and ids also with separators and as unkeyed hashes, since there are few
    enough of them to try all.
    """
    found = {canary, json.dumps(canary)[1:-1]}
    if kind == "phone":
        digits = canary.removeprefix("+47").replace(" ", "")
        found |= {digits, f"{digits[:3]} {digits[3:5]} {digits[5:]}"}
    if kind == "national_number":
        found |= {canary[:6] + mark + canary[6:] for mark in (" ", "-", ".", "/", "\u00a0")}
    if kind in {"national_number", "patient_id"}:
        for name in ("md5", "sha1", "sha256", "sha512"):
            found.add(hashlib.new(name, canary.encode()).hexdigest()[:HEX_DIGITS])
    return {form.casefold() for form in found}


class Searcher:
    """Looks for canaries in text, all of them at once.

    Args:
        canaries: Strings by kind.
    """

    def __init__(self, canaries: Mapping[str, Iterable[str]]) -> None:
        self.kinds = {
            form: kind
            for kind, strings in canaries.items()
            for canary in strings
            for form in forms(kind, canary)
        }
        self._patterns = list(self.kinds)

    def leaks(self, paths: Iterable[Path]) -> dict[str, set[str]]:
        """Kinds of canaries by file, over names and contents, never the canaries themselves.

        Args:
            paths: The files; empty is what comes back where nothing leaked.
        """
        found: dict[str, set[str]] = defaultdict(set)
        for batch in _batches((str(path), text) for path in paths for text in texts(path)):
            folded = [text.casefold() for _, text in batch]
            hits = pl.Series(folded).str.extract_many(self._patterns, overlapping=True).to_list()
            for (path, _), text, forms_found in zip(batch, folded, hits, strict=True):
                for form in set(forms_found):
                    if not form.isdigit() or _stands_alone(form, text):
                        found[path].add(self.kinds[form])
        return dict(found)


def _batches(pairs: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Texts in heaps: the patterns are prepared once for each."""
    batch: list[tuple[str, str]] = []
    size = 0
    for pair in pairs:
        batch.append(pair)
        size += len(pair[1])
        if size > HEAP:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _stands_alone(digits: str, text: str) -> bool:
    """Eight digits inside a hash or a count of microseconds are no telephone number."""
    return re.search(rf"(?<![0-9a-f]){digits}(?![0-9a-f])", text) is not None


def texts(path: Path) -> Iterator[str]:
    """Everything readable in a file: its path, its bytes, and what is packed in them."""
    yield str(path)
    content = path.read_bytes()
    yield _decoded(content)
    if path.suffix == ".parquet":
        yield _frame_text(pl.read_parquet(path))
    elif path.suffix == ".duckdb":
        yield from _duckdb_texts(path)
    elif content.startswith(b"SQLite format 3"):
        yield from _sqlite_texts(path)
    elif content.startswith(b"\x1f\x8b"):
        yield _decoded(gzip.decompress(content))


def _decoded(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")


def _frame_text(frame: pl.DataFrame) -> str:
    columns = [
        frame[name].drop_nulls().unique().cast(pl.String, strict=False).drop_nulls().str.join("\n")
        for name in frame.columns
    ]
    return "\n".join([*frame.columns, *(column.item() or "" for column in columns)])


def _duckdb_texts(path: Path) -> Iterator[str]:
    connection = duckdb.connect(str(path), read_only=True)
    try:
        tables = connection.sql(
            "select table_schema, table_name from information_schema.tables"
        ).fetchall()
        for schema, name in tables:
            yield name + "\n" + _frame_text(connection.table(f'"{schema}"."{name}"').pl())
    finally:
        connection.close()


def _sqlite_texts(path: Path) -> Iterator[str]:
    connection = sqlite3.connect(path)
    try:
        names = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (name,) in names:
            rows = connection.execute(f'select * from "{name}"')
            yield "\n".join(_cell(value) for row in rows for value in row)
    finally:
        connection.close()


def _cell(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return _decoded(zlib.decompress(value))
    except zlib.error:
        return _decoded(value)
