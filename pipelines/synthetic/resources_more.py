"""Rows of a whole region as delivered: the further entities.

Belongs here: one method an entity that only a whole region has. Does not belong here: the first
entities (``resources``), templates (``fhir_more``).
"""

from __future__ import annotations

import polars as pl

from pipelines.synthetic import fhir, texts
from pipelines.synthetic.fhir_more import ALL_TEMPLATES, DELETION, LOINC, NLK
from pipelines.synthetic.json_lines import json_line
from pipelines.synthetic.resources import Builder

_PER_BUNDLE = 500


class WholeBuilder(Builder):
    """Builds what is delivered about all entities of one region, as FHIR lines."""

    templates = ALL_TEMPLATES

    def observation(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Measurements and observations, of whichever organisation."""
        code = pl.col("code").cast(pl.String)
        system = (
            pl.when(code.str.starts_with("NPU"))
            .then(pl.lit(NLK))
            .when(code == "85354-9")
            .then(pl.lit(LOINC))
            .otherwise(pl.lit(f"{fhir.OWN}observation"))
        )
        missing = [
            pl.lit(None, dtype=kind).alias(name)
            for name, kind in (
                ("municipality_code", pl.String),
                ("systolic", pl.Float64),
                ("diastolic", pl.Float64),
            )
            if name not in rows.columns
        ]
        frame = self.with_person(rows, texts.MEASURED).with_columns(
            system.alias("system"),
            self.time("observed", rows, "observed_on", "minute", None),
            *self.office(rows),
            *missing,
        )
        return self.finish("observation", frame)

    def procedure(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Reviews and assessments."""
        frame = self.with_person(rows, texts.NOTE).with_columns(
            self.time("performed", rows, "performed_on", "minute", None)
        )
        return self.finish("procedure", frame)

    def immunization(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Vaccinations."""
        return self.finish("immunization", self.with_person(rows, texts.NOTE))

    def service_request(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Decisions about care, first_service_on null where not yet known."""
        return self.finish("service_request", self.with_person(rows, texts.SERVICE))

    def location(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Beds of units."""
        return self.finish("location", rows)

    def consent(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Reservations."""
        return self.finish("consent", self.with_person(rows))

    def measure_report(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Counts at go-live."""
        return self.finish("measure_report", rows)

    def claim(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Claims."""
        return self.finish("claim", self.with_person(rows, texts.CLAIM))

    def worklist_item(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Worklist items, answered_on null where not yet known."""
        nothing = pl.lit(None, dtype=pl.String)
        frame = rows.with_columns(
            pl.lit("worklist_item").alias("task_kind"),
            *(nothing.alias(name) for name in ("patient_id", "full_name", "phone", "text")),
        )
        return self.finish("worklist_item", frame)

    def deletion(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Deletions: ``resource_type`` and ``resource_id``; several to a transaction."""
        urls = rows.with_columns(
            pl.format("{}/{}", "resource_type", "resource_id").alias("url"),
            (pl.int_range(pl.len()) // _PER_BUNDLE).alias("bundle"),
        )
        bundles = (
            urls.lazy()
            .select("bundle", json_line(DELETION).alias("entry"))
            .group_by("bundle", maintain_order=True)
            .agg(pl.col("entry").str.join(","))
            .select(pl.concat_str(pl.lit("["), "entry", pl.lit("]")).alias("entries"))
            .collect()
        )
        return self.finish("deletion", bundles)
