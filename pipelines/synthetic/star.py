"""Rows of a region as the tables of a star extract.

Belongs here: what differs from FHIR: typed clock times, one row a deletion, links and addresses
as tables. Does not belong here: names of tables and columns (``star_columns``), files (``files``).
"""

from __future__ import annotations

import polars as pl

from pipelines.synthetic import fhir
from pipelines.synthetic.resources_more import WholeBuilder
from pipelines.synthetic.star_columns import (
    BOOLEAN,
    DATE,
    LOCAL_TIME,
    NUMBER,
    Column,
    table_of,
)

_TYPES = {DATE: pl.Date, LOCAL_TIME: pl.Datetime("us"), BOOLEAN: pl.Boolean}


class StarBuilder(WholeBuilder):
    """Builds the delivered tables of one region."""

    def finish(self, shape: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Prepared rows as a delivered table."""
        return frame.select(_typed(column, frame.schema) for column in table_of(shape).columns)

    def time(
        self,
        name: str,
        rows: pl.DataFrame,
        date: str,
        minute: str,
        utc: str | None,
        second: pl.Expr | None = None,
    ) -> pl.Expr:
        """A local clock time, without zone."""
        local = pl.col(date).cast(pl.Datetime("us")) + pl.duration(minutes=pl.col(minute))
        if second is not None:
            local = local + pl.duration(seconds=second)
        return local.alias(f"{name}_at")

    def patient(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Persons without addresses."""
        frame = self.persons(rows, year)
        temporary = pl.col("number_system") == fhir.D_NUMBER
        national = pl.col("number_system") == fhir.FNR
        return self.finish(
            "patient",
            frame.with_columns(
                pl.when(national).then("number").alias("national_number"),
                pl.when(temporary).then("number").alias("d_number_text"),
                pl.col("confidentiality").is_not_null().alias("is_graded"),
            ),
        )

    def residence(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Address spells of persons: a table of its own here."""
        spells = self.spells(rows, year)
        known = rows.select("person").join(
            self._people.persons.select("person", "patient_id"), on="person", maintain_order="left"
        )
        frame = known.join(spells, on="person", maintain_order="left_right").with_columns(
            pl.format("{}/{}", "farm", "unit").alias("cadastral")
        )
        return self.finish("residence", frame)

    def deletion(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Deletions: one row each."""
        return self.finish("deletion", rows)


def _typed(column: Column, schema: pl.Schema) -> pl.Expr:
    source = pl.col(column.source)
    if column.read == NUMBER:
        whole = schema[column.source].is_integer()
        return source.cast(pl.Int64 if whole else pl.Float64).alias(column.name)
    return source.cast(_TYPES.get(column.read, pl.String)).alias(column.name)
