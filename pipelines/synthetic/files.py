"""Writing delivered files: FHIR lines, Parquet, CSV; and what the manifest says of each.

Belongs here: formats, splitting, hashes. Does not belong here: rows (``selection``), manifests
(``extract``).
"""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import polars as pl

from pipelines.settings import atomic_write
from pipelines.synthetic.model import Region
from pipelines.synthetic.resources import Builder
from pipelines.synthetic.resources_more import WholeBuilder
from pipelines.synthetic.selection_more import Part
from pipelines.synthetic.star import StarBuilder
from pipelines.synthetic.star_columns import CSV, table_of

Format = Literal["fhir", "tables", "csv"]
FORMATS: tuple[Format, ...] = ("fhir", "tables", "csv")
FILE_BYTES = 100_000_000
# Few and small: these come as they are, everything else packed, as servers send it.
_PLAIN = frozenset({"Bundle", "Consent", "Location", "MeasureReport", "Organization"})
_PACKED_TABLES = frozenset({"NoteFact", "ObservationFact", "ClaimFact", "PortalAccessFact"})
# So many rows of text fit into memory beside the region.
_CHUNK = 480_000


def builder_for(form: Format, region: Region) -> Builder:
    """What builds rows in a format."""
    return WholeBuilder(region) if form == "fhir" else StarBuilder(region)


class Folder:
    """Writes the files of one delivery, and remembers what the manifest must say.

    Args:
        path: The folder.
        form: Format of all files.
        file_bytes: Files of lines are split so that none is larger before compression.
    """

    def __init__(self, path: Path, form: Format, file_bytes: int = FILE_BYTES) -> None:
        self._path, self._form, self._file_bytes = path, form, file_bytes
        self.files: list[dict[str, Any]] = []
        self.rows: dict[str, int] = {}

    def write(self, part: Part, builder: Builder, rows: pl.DataFrame, year: int) -> None:
        """Write rows of a part, a chunk at a time."""
        name = part.entity if self._form == "fhir" else table_of(part.shape).name
        self.rows.setdefault(name, 0)
        for chunk in rows.iter_slices(_CHUNK):
            if not chunk.height:
                continue
            built: pl.DataFrame = getattr(builder, part.shape)(chunk, year)
            self.rows[name] += built.height
            for piece in self._split(built, part.even_empty):
                self._file(name, piece)

    def _split(self, built: pl.DataFrame, even_empty: bool) -> Iterator[pl.DataFrame]:
        if not built.height and not even_empty:
            return
        if self._form != "fhir":
            yield built
            return
        broken = built["line"].null_count()
        if broken:
            raise ValueError(
                f"write_extract: {broken} of {built.height} resources miss a value that is not "
                "optional; mend the frame that the lines are built from."
            )
        total = int(built.select((pl.col("line").str.len_bytes() + 1).sum()).item())
        parts = -(-total // self._file_bytes)
        yield from built.iter_slices(-(-built.height // parts))

    def _file(self, entity: str, piece: pl.DataFrame) -> None:
        number = 1 + sum(1 for file in self.files if file["entity"] == entity)
        kind, packed, content = _encoded(self._form, entity, piece)
        ending = {"ndjson": "ndjson", "parquet": "parquet", "csv": "csv"}[kind]
        name = f"{entity}-{number:04d}.{ending}" + (".gz" if packed else "")
        with atomic_write(self._path / name) as path:
            path.write_bytes(content)
        self.files.append(
            {
                "name": name,
                "entity": entity,
                "format": kind,
                "compression": "gzip" if packed else "none",
                "rows": piece.height,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )


def _encoded(
    form: Format, entity: str, piece: pl.DataFrame
) -> tuple[str, bool, bytes | memoryview]:
    """Kind of file, whether packed, and its bytes."""
    buffer = io.BytesIO()
    if form == "tables":
        piece.write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
        return "parquet", False, buffer.getbuffer()
    content: bytes | memoryview
    if form == "csv":
        # One line a row, as such exports are made: a line break inside a text becomes a space.
        texts = pl.col(pl.String).str.replace_all("\n", " ", literal=True)
        piece.with_columns(texts).write_csv(
            buffer,
            separator=str(CSV["delimiter"]),
            decimal_comma=True,
            date_format=str(CSV["date_format"]),
            datetime_format=str(CSV["time_format"]),
        )
        content = buffer.getvalue().decode("utf-8").encode("cp1252")
        packed = entity in _PACKED_TABLES
        kind = "csv"
    else:
        piece.write_csv(buffer, include_header=False, quote_style="never")
        content, packed, kind = buffer.getbuffer(), entity not in _PLAIN, "ndjson"
    if packed:
        content = gzip.compress(content, compresslevel=1, mtime=0)
    return kind, packed, content
