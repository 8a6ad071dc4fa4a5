"""Verify a delivered Parquet file, and hold the columns of a delivered table to its mapping.

Belongs here: what a Parquet file says of itself in its footer, and which columns a delivered table
has. Does not belong here: hashes and sizes (``verify``), values of rows (``columns``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.catalogue.delivered_tables import DeliveredTable
from pipelines.clients.delivered_files import Delivery, DeliveryRefusedError, ManifestFile
from pipelines.ingest.drift import presentable
from pipelines.ingest.limits import MIB, Limits
from pipelines.ingest.tabular import PARQUET_TYPES
from pipelines.ingest.verify import VerifiedFile, receive

_FOOTER = 64 * MIB


def verify_parquet(
    delivery: Delivery, file: ManifestFile, copy: Path, limits: Limits, delivered: DeliveredTable
) -> tuple[VerifiedFile, tuple[str, ...]]:
    """Verify a Parquet file while copying it.

    Args:
        delivery: Where it lies.
        file: What the manifest says about it.
        copy: Where to put the copy; in the identified zone.
        limits: Caps on size and ratio.
        delivered: The mapping of its table.

    Returns:
        The copy, and the columns that nobody has decided upon.

    Raises:
        DeliveryRefusedError: It is not what the manifest says, not Parquet, a bomb, or its columns
            are not those of the mapping.
    """
    with copy.open("wb") as target:
        copy.chmod(0o600)
        receive(delivery, file, lambda chunk: target.write(chunk))
    footer, schema = _footer(copy)
    if footer.num_rows != file.rows:
        raise DeliveryRefusedError(
            "wrong_row_count", f"manifest says {file.rows} rows, the file {footer.num_rows}"
        )
    groups = [footer.row_group(n) for n in range(footer.num_row_groups)]
    # Rows of one value take no room in a file, and some in memory: a byte a value at least.
    values = footer.num_rows * len(delivered.readings)
    size = max(values, sum(group.total_byte_size for group in groups))
    too_dense = size > limits.ratio_after and size > limits.ratio * file.bytes
    if size > limits.file_bytes or too_dense:
        raise DeliveryRefusedError(
            "decompression_bomb",
            f"its pages unpack to {size} bytes or more; expected at most {limits.file_bytes}, and "
            f"{limits.ratio:g} times its size",
        )
    unexpected = check_columns(schema.names, delivered)
    _check_types(schema, delivered)
    return VerifiedFile(copy, file, size), unexpected


def check_columns(names: Sequence[str], delivered: DeliveredTable) -> tuple[str, ...]:
    """Hold the columns of a file to the mapping.

    Args:
        names: The file's columns.
        delivered: The mapping.

    Returns:
        Columns that are neither read nor dropped by decision, sorted.

    Raises:
        DeliveryRefusedError: ``column_missing`` or ``wrong_header``; names the column.
    """
    again = sorted(name for name, count in Counter(names).items() if count > 1)
    if again:
        raise DeliveryRefusedError("wrong_header", f"{presentable(again[0])} is there twice")
    unexpected = sorted(set(names) - set(delivered.readings) - set(delivered.dropped))
    for name in delivered.readings:
        if name not in names:
            come = f"; new is {', '.join(map(presentable, unexpected[:3]))}" if unexpected else ""
            raise DeliveryRefusedError("column_missing", f"{name} is not among the columns{come}")
    return tuple(sorted({presentable(name) for name in unexpected}))


def _footer(path: Path) -> tuple[pq.FileMetaData, pa.Schema]:
    try:
        with pq.ParquetFile(
            path, thrift_string_size_limit=_FOOTER, thrift_container_size_limit=_FOOTER
        ) as file:
            return file.metadata, file.schema_arrow
    except (pa.ArrowException, OSError):
        raise DeliveryRefusedError(
            "damaged_parquet", "its footer cannot be read as Parquet"
        ) from None


def _check_types(schema: pa.Schema, delivered: DeliveredTable) -> None:
    for name, reading in delivered.readings.items():
        kind = schema.field(name).type
        spelled = str(kind)
        fits = spelled.startswith(PARQUET_TYPES[reading])
        if reading in ("local_time", "instant"):
            zoned = getattr(kind, "tz", None) is not None
            fits = fits and zoned == (reading == "instant")
        if not fits:
            raise DeliveryRefusedError(
                "type_changed", f"{name} is {spelled}; expected a column to read as {reading}"
            )
