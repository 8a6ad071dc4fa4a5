"""Rows of a whole region as delivered: the further entities.

Belongs here: one method an entity that only a whole region has. Does not belong here: the first
entities (``resources``), templates (``fhir_more``).
"""

from __future__ import annotations

import polars as pl

from pipelines.synthetic import fhir, texts
from pipelines.synthetic import parameters as par
from pipelines.synthetic.fhir_more import ALL_TEMPLATES, DELETION, LOINC, NLK
from pipelines.synthetic.json_lines import json_line
from pipelines.synthetic.life import LOCAL_SYSTEM
from pipelines.synthetic.resources import Builder

_PER_BUNDLE = 500


def _digits(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).str.zfill(7)


class WholeBuilder(Builder):
    """Builds what is delivered about all entities of one region, as FHIR lines."""

    templates = ALL_TEMPLATES

    def journal(self, named: pl.DataFrame, year: int) -> pl.DataFrame:
        """Some events of a person with two resources refer to the second, until they are one."""
        life = self._region.life
        if life is None or not life.seconds.height:
            return named
        now = life.seconds.filter(
            (pl.col("second_from") <= year) & (pl.col("merged_in") >= year)
        ).select("person", pl.format("pas-{}", _digits("second_patient")).alias("second_id"))
        turn = pl.int_range(pl.len()) % par.SECOND_RESOURCE_EVENTS == 0
        other = pl.when(turn).then("second_id")
        return (
            named.join(now, on="person", how="left", maintain_order="left")
            .with_columns(pl.coalesce(other, "patient_id").alias("patient_id"))
            .with_columns(
                pl.concat_str(pl.lit("Patient/"), "patient_id").alias("patient_reference")
            )
            .drop("second_id")
        )

    def persons(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Persons as known at the end of a year: the number they had, and their links."""
        frame = super().persons(rows, year)
        life = self._region.life
        if life is None:
            return frame
        before = life.numbers.filter(pl.col("number_from") > year)
        frame = frame.join(before, on="person", how="left", maintain_order="left").with_columns(
            pl.coalesce("first_number", "number").alias("number"),
            pl.coalesce("first_system", "number_system").alias("number_system"),
            pl.when(pl.col("first_system") == LOCAL_SYSTEM)
            .then(pl.lit("St. Olavs hospital"))
            .alias("assigner"),
        )
        linked = frame.drop("other_id", "other_reference", "link_type").join(
            self._links(year), on="person", how="left", maintain_order="left"
        )
        reference = pl.concat_str(pl.lit("Patient/"), "other_id")
        return linked.with_columns(reference.alias("other_reference"))

    def _links(self, year: int) -> pl.DataFrame:
        """Links that stand at the end of a year: person, other_id, link_type."""
        life = self._region.life
        if life is None:
            raise ValueError("_links: expected a region with life; make one.")
        known = self._region.persons.select(
            pl.col("person").alias("other"),
            pl.format("pas-{}", _digits("patient_number")).alias("other_id"),
        )
        mistaken = life.merges.filter(
            (pl.col("merged_in") <= year) & (pl.col("parted_in") > year)
        ).join(known, on="other", maintain_order="left")
        true = life.seconds.filter(pl.col("merged_in") <= year)
        return pl.concat(
            [
                mistaken.select("person", "other_id", pl.lit("replaced-by").alias("link_type")),
                true.select(
                    "person",
                    pl.format("pas-{}", _digits("second_patient")).alias("other_id"),
                    pl.lit("replaces").alias("link_type"),
                ),
            ]
        )

    def seconds(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Second resources of persons: ``rows`` of persons joined with ``Life.seconds``."""
        frame = super().persons(rows, year)
        merged = pl.col("merged_in") <= year
        return frame.with_columns(
            pl.format("pas-{}", _digits("second_patient")).alias("id"),
            pl.col("second_number").alias("number"),
            pl.lit(fhir.D_NUMBER).alias("number_system"),
            pl.when(merged).then("patient_id").alias("other_id"),
            pl.when(merged).then("patient_reference").alias("other_reference"),
            pl.when(merged).then(pl.lit("replaced-by")).alias("link_type"),
        ).with_columns(pl.col("id").alias("patient_id"))

    def second_patient(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Second resources as patients."""
        return self.finish("patient", self.with_addresses(self.seconds(rows, year), rows, year))

    def observation(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Measurements and observations, of whichever organisation."""
        code = pl.col("code").cast(pl.String)
        system = (
            pl.when(code.str.starts_with("NPU"))
            .then(pl.lit(NLK))
            .when(code.is_in(["85354-9", "39156-5"]))
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
        frame = self.with_person(rows, year, texts.MEASURED).with_columns(
            system.alias("system"),
            self.time("observed", rows, "observed_on", "minute", None),
            *self.office(rows),
            *missing,
        )
        return self.finish("observation", frame)

    def procedure(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Reviews and assessments."""
        frame = self.with_person(rows, year, texts.NOTE).with_columns(
            self.time("performed", rows, "performed_on", "minute", None)
        )
        return self.finish("procedure", frame)

    def immunization(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Vaccinations."""
        return self.finish("immunization", self.with_person(rows, year, texts.NOTE))

    def service_request(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Decisions about care, first_service_on null where not yet known."""
        return self.finish("service_request", self.with_person(rows, year, texts.SERVICE))

    def location(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Beds of units."""
        return self.finish("location", rows)

    def consent(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Reservations."""
        return self.finish("consent", self.with_person(rows, year))

    def measure_report(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Counts at go-live."""
        return self.finish("measure_report", rows)

    def claim(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Claims."""
        return self.finish("claim", self.with_person(rows, year, texts.CLAIM))

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
