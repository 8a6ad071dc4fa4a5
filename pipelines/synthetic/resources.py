"""Rows of the region as columns of resources: references, clock times, narrative.

Belongs here: one function an entity, from a frame of rows to a frame with the column ``line``.
Does not belong here: which rows a delivery holds (``extract``), the templates (``fhir``).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.synthetic import fhir, texts
from pipelines.synthetic.days import summer_offset
from pipelines.synthetic.identities import address_columns, identity_columns
from pipelines.synthetic.json_lines import json_line
from pipelines.synthetic.model import Region

_UTC_EVERY = 20
_ALIAS_EVERY = 9


@dataclass(frozen=True)
class People:
    """What identifies the persons of a region, by person; never kept in the region itself.

    ``persons``: person, patient_id, patient_reference, number, given, family, phone, who (a
    phrase with name and telephone number). ``addresses``: the residence rows with line,
    postal_code, farm, unit.
    """

    persons: pl.DataFrame
    addresses: pl.DataFrame


def people(region: Region) -> People:
    """Names, telephone numbers and addresses, always the same for the same region."""
    rng = region.settings.rng("identities")
    sex = (region.persons["sex"] == "male").to_numpy().astype(np.int64)
    patient_id = pl.format("pas-{}", pl.col("patient_number").cast(pl.String).str.zfill(7))
    persons = (
        pl.concat(
            [
                region.persons.select("person", "number", "patient_number"),
                identity_columns(rng, sex),
            ],
            how="horizontal",
        )
        .with_columns(patient_id.alias("patient_id"))
        .with_columns(
            pl.concat_str(pl.lit("Patient/"), "patient_id").alias("patient_reference"),
            pl.format("{} {} (tlf. {})", "given", "family", "phone").alias("who"),
        )
    )
    names = dict(zip(region.places.codes, region.places.names, strict=True))
    names["1507"] = "Ålesund"
    addresses = pl.concat(
        [region.residence, address_columns(rng, region.residence.height)], how="horizontal"
    ).with_columns(pl.col("municipality_code").replace_strict(names).alias("district"))
    return People(persons, addresses)


class Builder:
    """Builds the lines of all entities of one region."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._people = people(region)
        self._her = region.gp_offices["her_id"]

    def _with_person(self, frame: pl.DataFrame, phrases: tuple[str, ...]) -> pl.DataFrame:
        """Add the patient's reference and a narrative that names the patient."""
        person = frame["person"]
        persons = self._people.persons
        turn = frame.select(pl.int_range(pl.len()) % len(phrases)).to_series()
        phrase = pl.Series(phrases).gather(turn)
        return frame.with_columns(
            persons["patient_reference"].gather(person).alias("patient_reference"),
            persons["who"].gather(person).alias("who"),
            phrase.alias("phrase"),
        ).with_columns(pl.concat_str("who", pl.lit(": "), "phrase").alias("text"))

    def _line(self, frame: pl.DataFrame, template: dict[str, object]) -> pl.DataFrame:
        return frame.lazy().select(json_line(template).alias("line")).collect()

    def patient(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Patients as known at the end of a year: ``rows`` are rows of ``Region.persons``."""
        until = dt.date(year, 12, 31)
        spells = self._people.addresses.filter(pl.col("valid_from") <= until).join(
            rows.select("person"), on="person", how="semi"
        )
        spells = spells.with_columns(
            pl.when(pl.col("valid_to") <= until).then("valid_to").alias("valid_to"),
            pl.when(pl.col("farm") % _ALIAS_EVERY == 0)
            .then(pl.lit(fhir.MUNICIPALITY_ALIAS))
            .otherwise(pl.lit(fhir.MUNICIPALITY))
            .alias("system"),
        )
        written = spells.lazy().select(
            "person", "valid_from", json_line(fhir.ADDRESS).alias("address")
        )
        addresses = (
            written.sort("person", "valid_from")
            .group_by("person", maintain_order=True)
            .agg(pl.col("address").str.join(","))
            .select("person", pl.concat_str(pl.lit("["), "address", pl.lit("]")).alias("addresses"))
            .collect()
        )
        frame = (
            rows.join(addresses, on="person", how="left", maintain_order="left")
            .join(
                self._people.persons.drop("number", "patient_number"),
                on="person",
                how="left",
                maintain_order="left",
            )
            .with_columns(
                pl.col("patient_id").alias("id"),
                pl.when(pl.col("death_date") <= until).then("death_date").alias("death_date"),
                pl.when(pl.col("d_number"))
                .then(pl.lit(fhir.D_NUMBER))
                .otherwise(pl.lit(fhir.FNR))
                .alias("number_system"),
                pl.when(pl.col("graded_from") <= year)
                .then(pl.when("strictly_graded").then(pl.lit("V")).otherwise(pl.lit("R")))
                .alias("confidentiality"),
                pl.format('<div xmlns="http://www.w3.org/1999/xhtml">{}</div>', "who").alias(
                    "text"
                ),
            )
        )
        frame = frame.with_columns(self._her.gather(frame[f"office_{year}"]).alias("her_id"))
        return self._line(frame, fhir.PATIENT)

    def encounter(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Encounters: ``rows`` of ``Region.encounters``, ended_on null where not yet known."""
        frame = self._with_person(rows, texts.STAY).with_columns(
            _identified("enk", "encounter"),
            _clock(rows, "started_on", "started_minute", "encounter").alias("start"),
            _clock(rows, "ended_on", "ended_minute", "encounter").alias("end"),
            pl.format('<div xmlns="http://www.w3.org/1999/xhtml">{}</div>', "text").alias("text"),
        )
        return self._line(frame, fhir.ENCOUNTER)

    def condition(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Conditions: ``rows`` of ``Region.conditions``."""
        alias = pl.col("condition") % _ALIAS_EVERY == 0
        icd10 = pl.when(alias).then(pl.lit(fhir.ICD10_ALIAS)).otherwise(pl.lit(fhir.ICD10))
        icpc2 = pl.when(alias).then(pl.lit(fhir.ICPC2_ALIAS)).otherwise(pl.lit(fhir.ICPC2))
        frame = self._with_person(rows, texts.NOTE).with_columns(
            _identified("dia", "condition"),
            pl.when(pl.col("code_system") == "icd10").then(icd10).otherwise(icpc2).alias("system"),
            self._her.gather(rows["office"]).alias("her_id"),
        )
        return self._line(frame, fhir.CONDITION)

    def medication_request(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Prescriptions: ``rows`` of ``Region.prescriptions``."""
        frame = self._with_person(rows, texts.DOSE).with_columns(
            _identified("res", "prescription"), self._her.gather(rows["office"]).alias("her_id")
        )
        return self._line(frame, fhir.MEDICATION_REQUEST)

    def organization(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Offices: ``rows`` of ``Region.gp_offices``, live_from null where not yet known."""
        frame = rows.with_columns(_identified("org", "office"))
        live = pl.col("live_from").is_not_null()
        lines = [
            self._line(frame.filter(live), fhir.organization(live=True)),
            self._line(frame.filter(~live), fhir.organization(live=False)),
        ]
        return pl.concat(lines)

    def episode_of_care(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Care episodes: ``rows`` of ``Region.care_episodes`` as known at the delivery."""
        zero = pl.col("leading_zero")
        code = pl.col("service_type_code")
        frame = self._with_person(rows, texts.SERVICE).with_columns(
            _identified("tje", "episode"),
            pl.when(zero)
            .then(pl.concat_str(pl.lit("0"), code))
            .otherwise(code)
            .alias("written_code"),
        )
        granted = pl.col("weekly_hours").is_not_null()
        lines = [
            self._line(frame.filter(granted), fhir.episode_of_care(granted=True)),
            self._line(frame.filter(~granted), fhir.episode_of_care(granted=False)),
        ]
        return pl.concat(lines)

    def communication(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Messages: ``rows`` of ``Region.messages``."""
        hospital = self._region.encounters["hospital_code"].gather(rows["encounter"])
        ours = pl.col("municipal")
        code, system = pl.col("municipality_code"), pl.lit(fhir.MUNICIPALITY)
        theirs = pl.lit(f"{fhir.OWN}hospital")
        frame = self._with_person(rows.with_columns(hospital.alias("hospital")), texts.MESSAGE)
        frame = frame.with_columns(
            _identified("mld", "message"),
            pl.format("Encounter/enk-{}", pl.col("encounter").cast(pl.String).str.zfill(8)).alias(
                "encounter_reference"
            ),
            _clock(rows, "sent_on", "sent_minute", "message", pl.col("sent_sequence") % 60).alias(
                "sent"
            ),
            pl.when(ours).then(code).otherwise("hospital").alias("sender"),
            pl.when(ours).then(system).otherwise(theirs).alias("sender_system"),
            pl.when(ours).then("hospital").otherwise(code).alias("recipient"),
            pl.when(ours).then(theirs).otherwise(system).alias("recipient_system"),
        )
        return self._line(frame, fhir.COMMUNICATION)

    def document_reference(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Journal entries: ``rows`` of ``Region.journal_entries``."""
        recorded = _clock(rows, "recorded_on", "recorded_minute", None)
        event = rows.with_columns(
            (pl.col("recorded_minute") - pl.col("delay_minutes")).alias("event_minute")
        )
        frame = self._with_person(event, texts.ENTRY).with_columns(
            _identified("jou", "entry"),
            recorded.alias("recorded"),
            _clock(event, "recorded_on", "event_minute", None).alias("event"),
            pl.format(
                "PractitionerRole/ans-{}", pl.col("staff").cast(pl.String).str.zfill(6)
            ).alias("author_reference"),
        )
        return self._line(frame, fhir.DOCUMENT_REFERENCE)

    def practitioner_role(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Staff: ``rows`` of ``Region.staff`` as known at the delivery."""
        frame = rows.with_columns(
            pl.format("ans-{}", pl.col("staff").cast(pl.String).str.zfill(6)).alias("id"),
            (9_000_001 + pl.col("worker") * 3).cast(pl.String).alias("hpr"),
        )
        return self._line(frame, fhir.PRACTITIONER_ROLE)

    def audit_event(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Portal sessions: ``rows`` of ``Region.portal_sessions``; instants in UTC."""
        frame = rows.with_columns(
            _identified("okt", "session"),
            self._people.persons["patient_reference"]
            .gather(rows["person"])
            .alias("patient_reference"),
            _clock(rows, "session_on", "minute", "always").alias("recorded"),
        )
        return self._line(frame, fhir.AUDIT_EVENT)

    def task(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Forms: ``rows`` of ``Region.portal_forms``."""
        frame = self._with_person(rows, texts.FORM).with_columns(_identified("skj", "form"))
        return self._line(frame, fhir.TASK)


def _identified(prefix: str, column: str) -> pl.Expr:
    return pl.format(f"{prefix}-{{}}", pl.col(column).cast(pl.String).str.zfill(8)).alias("id")


def _clock(
    rows: pl.DataFrame,
    date: str,
    minute: str,
    utc: str | None,
    second: pl.Expr | None = None,
) -> pl.Expr:
    """Text of a local clock time with its offset; some, or all, written in UTC.

    Args:
        rows: The frame, whose dates give the offsets.
        date: Column of local dates; null gives null.
        minute: Column of minutes after local midnight; may be negative (the day before).
        utc: "always", or a column by which every twentieth row is written in UTC, or None.
        second: Seconds, 0 where not given.
    """
    days = rows[date].cast(pl.Int32).fill_null(0).to_numpy().astype(np.int64)
    offset = pl.lit(pl.Series(summer_offset(days)))
    local = pl.col(date).cast(pl.Datetime("ms")) + pl.duration(minutes=pl.col(minute))
    if second is not None:
        local = local + pl.duration(seconds=second)
    written = "%Y-%m-%dT%H:%M:%S"
    here = pl.concat_str(
        local.dt.to_string(written), pl.lit("+0"), offset.cast(pl.String), pl.lit(":00")
    )
    if utc is None:
        return here
    there = pl.concat_str((local - pl.duration(hours=offset)).dt.to_string(written), pl.lit("Z"))
    if utc == "always":
        return there
    return pl.when(pl.col(utc) % _UTC_EVERY == 0).then(there).otherwise(here)
