"""Delivered tables: how the columns of a star extract become the columns of a view.

Belongs here: the shape of ``tables:`` in ``sources/*.yml``, one entry per delivered Parquet or CSV
table. Does not belong here: SQL (``pipelines.ingest.tabular``), what a value must be (the entity
files): a delivered table fills the same view columns as FHIR does, and is judged by the same rules.

Everything that a file does not say of itself is declared here, and nothing is guessed: encoding,
separator, decimal sign, date forms, time zone, and what a local time means that the clock shows
twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from pipelines.catalogue.entities import Name, Strict

Reading = Literal["text", "number", "date", "local_time", "instant", "boolean"]
Encoding = Literal["utf-8", "utf-8-sig", "utf-16", "windows-1252", "iso-8859-1", "cp865"]


class DeliveredColumn(Strict):
    """Where a view column comes from.

    Attributes:
        column: Name of the delivered column.
        constant: Or the value that all rows have.
        read: ``text`` as it stands, ``number``, ``date``, ``local_time`` (a clock time without
            zone, in the table's time zone), ``instant`` (with its offset), ``boolean``.
        codes: The source's own codes and ours; a code that is not among them stays as it is, and
            is judged by the entity's rules.
    """

    column: str | None = Field(default=None, min_length=1, max_length=120)
    constant: str | None = None
    read: Reading = "text"
    codes: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either a delivered column or a constant")
        if self.constant is not None and (self.read != "text" or self.codes):
            raise ValueError("a constant is text and has no codes")
        if self.codes and self.read not in ("text", "boolean"):
            raise ValueError("codes go with text and boolean alone")
        return self


class CsvForm(Strict):
    """How a CSV file is written.

    Attributes:
        encoding: Of the bytes.
        delimiter: Between fields; fields are quoted with ``"`` (RFC 4180), and a row is a line.
        decimal: Sign before decimals.
        date_format: Of dates, as ``strftime`` writes it.
        time_format: Of local clock times.
        null_values: What stands for no value, beside an empty field.
    """

    encoding: Encoding
    delimiter: Literal[";", ",", "\t", "|"]
    decimal: Literal[",", "."]
    date_format: str = Field(pattern=r"%")
    time_format: str = Field(pattern=r"%")
    null_values: tuple[str, ...] = ()


class DeliveredTable(Strict):
    """One delivered table.

    Attributes:
        table: Restricted table it fills.
        columns: How each view column is read.
        dropped: Delivered columns that are never taken, by decision. A column that is neither
            read nor named here raises an alert.
        csv: How it is written, where it comes as CSV.
        time_zone: Of local clock times.
        ambiguous_time: Which of two instants a local time means in the hour that the clock shows
            twice; ``refuse`` quarantines the row.
    """

    table: Name
    columns: Mapping[Name, DeliveredColumn] = Field(min_length=1)
    dropped: tuple[str, ...] = ()
    csv: CsvForm | None = None
    time_zone: str | None = None
    ambiguous_time: Literal["earlier", "later", "refuse"] = "refuse"

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        local = [name for name, one in self.columns.items() if one.read == "local_time"]
        if local and self.time_zone is None:
            raise ValueError(f"columns {local} are local times: declare time_zone")
        if self.time_zone is not None:
            _known(self.time_zone)
        readings: dict[str, Reading] = {}
        for one in self.columns.values():
            if one.column is not None and readings.setdefault(one.column, one.read) != one.read:
                raise ValueError(f"{one.column} is read in two ways")
        if both := set(readings) & set(self.dropped):
            raise ValueError(f"{sorted(both)} are both read and dropped")
        return self

    def __hash__(self) -> int:
        # Mappings have no hash of their own; plans are kept by what they were made from.
        return hash((self.table, *self.columns))

    @property
    def readings(self) -> Mapping[str, Reading]:
        """How each delivered column is read."""
        return {one.column: one.read for one in self.columns.values() if one.column is not None}


def _known(time_zone: str) -> None:
    try:
        ZoneInfo(time_zone)
    except (KeyError, OSError):
        raise ValueError(f"time_zone: {time_zone} is none of the IANA time zones") from None
