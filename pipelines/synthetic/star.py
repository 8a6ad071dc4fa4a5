"""Rows of a region as the tables of a star extract.

Belongs here: what differs from FHIR: typed clock times, one row a deletion, links and addresses
as tables. Does not belong here: names of tables and columns (``star_columns``), files (``files``).
"""

from __future__ import annotations

import polars as pl

from pipelines.synthetic import fhir
from pipelines.synthetic.life import LOCAL_SYSTEM
from pipelines.synthetic.resources_more import WholeBuilder
from pipelines.synthetic.star_columns import (
    BOOLEAN,
    DATE,
    LOCAL_TIME,
    NUMBER,
    Column,
    table_of,
)

_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    DATE: pl.Date,
    LOCAL_TIME: pl.Datetime("us"),
    BOOLEAN: pl.Boolean,
}


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
        return self._identified(self.persons(rows, year))

    def second_patient(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Second resources, without addresses."""
        return self._identified(self.seconds(rows, year))

    def _identified(self, frame: pl.DataFrame) -> pl.DataFrame:
        system = pl.col("number_system")
        return self.finish(
            "patient",
            frame.with_columns(
                pl.when(system == fhir.FNR).then("number").alias("national_number"),
                pl.when(system == fhir.D_NUMBER).then("number").alias("d_number_text"),
                pl.lit(None, dtype=pl.String).alias("help_number"),
                (system == LOCAL_SYSTEM).alias("has_local_number"),
                pl.col("confidentiality").is_not_null().alias("is_graded"),
            ),
        )

    def patient_link(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Links that stand; a person who is delivered without one has none any more."""
        return self.finish("patient_link", self._linked(self.persons(rows, year)))

    def second_link(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Links of second resources."""
        return self.finish("patient_link", self._linked(self.seconds(rows, year)))

    def _linked(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter(pl.col("other_id").is_not_null())

    def second_residence(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Addresses of second resources."""
        ids = self.seconds(rows, year).select("person", "patient_id")
        return self._addresses(ids, rows, year)

    def residence(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Address spells of persons: a table of its own here."""
        ids = rows.select("person").join(
            self._people.persons.select("person", "patient_id"), on="person", maintain_order="left"
        )
        return self._addresses(ids, rows, year)

    def _addresses(self, ids: pl.DataFrame, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        spells = self.spells(rows, year)
        frame = ids.join(spells, on="person", maintain_order="left_right").with_columns(
            pl.format("{}/{}", "farm", "unit").alias("cadastral")
        )
        return self.finish("residence", frame)

    def deletion(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Deletions: one row each."""
        url = pl.format("{}/{}", "resource_type", "resource_id")
        return self.finish("deletion", rows.with_columns(url.alias("url")))


def _typed(column: Column, schema: pl.Schema) -> pl.Expr:
    source = pl.col(column.source)
    if column.read == NUMBER:
        whole = schema[column.source].is_integer()
        return source.cast(pl.Int64 if whole else pl.Float64).alias(column.name)
    return source.cast(_TYPES.get(column.read, pl.String)).alias(column.name)
