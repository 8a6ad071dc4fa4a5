"""Rows of the region as columns of resources: references, clock times, narrative.

Belongs here: one function an entity, from rows of the region to rows as delivered; the first
entities. Does not belong here: which rows a delivery holds (``selection``), further entities
(``resources_more``), the templates (``fhir``), tables (``star``).
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

    ``persons``: person, patient_id, patient_reference, number, given, family, full_name, phone,
    who (a phrase with name and telephone number). ``addresses``: the residence rows with line,
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
            pl.format("{} {}", "given", "family").alias("full_name"),
        )
    )
    names = pl.Series("district", region.places.names)
    addresses = pl.concat(
        [region.residence, address_columns(rng, region.residence.height)], how="horizontal"
    ).with_columns(names.gather(region.residence["place"]))
    return People(persons, addresses)


class Builder:
    """Builds what is delivered about the first entities of one region, as FHIR lines.

    Each method takes rows of the region and the year of the delivery. ``finish`` and ``time`` are
    what another format does otherwise (``star``).
    """

    templates = fhir.TEMPLATES

    def __init__(self, region: Region) -> None:
        self._region = region
        self._people = people(region)
        self._her = region.gp_offices["her_id"]

    def finish(self, shape: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Prepared rows as delivered: one line of JSON a row.

        Args:
            shape: Which template.
            frame: Rows with the columns that the template names.
        """
        template = self.templates[shape]
        if isinstance(template, dict):
            return frame.lazy().select(json_line(template).alias("line")).collect()
        # Extensions are a list: where one is missing, the template is another.
        column, made = template
        there = pl.col(column).is_not_null()
        parts = [(frame.filter(there), made(True)), (frame.filter(~there), made(False))]
        return pl.concat(
            [part.lazy().select(json_line(form).alias("line")).collect() for part, form in parts]
        )

    def time(
        self,
        name: str,
        rows: pl.DataFrame,
        date: str,
        minute: str,
        utc: str | None,
        second: pl.Expr | None = None,
    ) -> pl.Expr:
        """A clock time as this format writes it; arguments as ``_clock``."""
        return _clock(rows, date, minute, utc, second).alias(name)

    def with_person(
        self, frame: pl.DataFrame, year: int, phrases: tuple[str, ...] = ()
    ) -> pl.DataFrame:
        """Add the patient's reference and, with phrases, a narrative that names the patient."""
        person = frame["person"]
        persons = self._people.persons
        named = frame.with_columns(
            persons[column].gather(person)
            for column in ("patient_id", "patient_reference", "who", "full_name", "phone")
        )
        named = self.journal(named, year)
        if not phrases:
            return named
        turn = frame.select(pl.int_range(pl.len()) % len(phrases)).to_series()
        phrase = pl.Series(phrases).gather(turn)
        return named.with_columns(phrase.alias("phrase")).with_columns(
            pl.concat_str("who", pl.lit(": "), "phrase").alias("text")
        )

    def journal(self, named: pl.DataFrame, year: int) -> pl.DataFrame:
        """The resource of the patient that events refer to in a year: here the only one."""
        return named

    def spells(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Address spells of persons as known at the end of a year."""
        until = dt.date(year, 12, 31)
        return (
            self._people.addresses.filter(pl.col("valid_from") <= until)
            .join(rows.select("person"), on="person", how="semi")
            .with_columns(
                pl.when(pl.col("valid_to") <= until).then("valid_to").alias("valid_to"),
                pl.when(pl.col("farm") % _ALIAS_EVERY == 0)
                .then(pl.lit(fhir.MUNICIPALITY_ALIAS))
                .otherwise(pl.lit(fhir.MUNICIPALITY))
                .alias("system"),
            )
        )

    def patient(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Patients as known at the end of a year: ``rows`` are rows of ``Region.persons``."""
        return self.finish("patient", self.with_addresses(self.persons(rows, year), rows, year))

    def with_addresses(self, frame: pl.DataFrame, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Add the list of a person's addresses, as JSON."""
        written = (
            self.spells(rows, year)
            .lazy()
            .select("person", "valid_from", json_line(fhir.ADDRESS).alias("address"))
        )
        addresses = (
            written.sort("person", "valid_from")
            .group_by("person", maintain_order=True)
            .agg(pl.col("address").str.join(","))
            .select("person", pl.concat_str(pl.lit("["), "address", pl.lit("]")).alias("addresses"))
            .collect()
        )
        return frame.join(addresses, on="person", how="left", maintain_order="left")

    def persons(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Persons as known at the end of a year, without addresses."""
        until = dt.date(year, 12, 31)
        frame = rows.join(
            self._people.persons.drop("number", "patient_number"),
            on="person",
            how="left",
            maintain_order="left",
        ).with_columns(
            pl.col("patient_id").alias("id"),
            pl.when(pl.col("death_date") <= until).then("death_date").alias("death_date"),
            pl.when(pl.col("d_number"))
            .then(pl.lit(fhir.D_NUMBER))
            .otherwise(pl.lit(fhir.FNR))
            .alias("number_system"),
            *(
                pl.lit(None, dtype=pl.String).alias(name)
                for name in ("assigner", "other_id", "other_reference", "link_type")
            ),
            pl.when(pl.col("graded_from") <= year)
            .then(pl.when("strictly_graded").then(pl.lit("V")).otherwise(pl.lit("R")))
            .alias("confidentiality"),
            pl.format('<div xmlns="http://www.w3.org/1999/xhtml">{}</div>', "who").alias("text"),
        )
        return frame.with_columns(self._her.gather(frame[f"office_{year}"]).alias("her_id"))

    def encounter(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Encounters: ``rows`` of ``Region.encounters``, ended_on null where not yet known."""
        frame = self.with_person(rows, year, texts.STAY).with_columns(
            _identified("enk", "encounter"),
            self.time("start", rows, "started_on", "started_minute", "encounter"),
            self.time("end", rows, "ended_on", "ended_minute", "encounter"),
            pl.when(pl.col("ended_on").is_not_null())
            .then("discharge_disposition")
            .alias("disposition"),
            pl.format('<div xmlns="http://www.w3.org/1999/xhtml">{}</div>', "text").alias("text"),
        )
        return self.finish("encounter", frame)

    def condition(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Conditions: ``rows`` of ``Region.conditions``, or of hospital diagnoses with ``id``."""
        turn = pl.col("condition") if "condition" in rows.columns else pl.col("encounter")
        alias = turn % _ALIAS_EVERY == 0
        icd10 = pl.when(alias).then(pl.lit(fhir.ICD10_ALIAS)).otherwise(pl.lit(fhir.ICD10))
        icpc2 = pl.when(alias).then(pl.lit(fhir.ICPC2_ALIAS)).otherwise(pl.lit(fhir.ICPC2))
        frame = self.with_person(rows, year, texts.NOTE).with_columns(
            pl.when(pl.col("code_system") == "icd10").then(icd10).otherwise(icpc2).alias("system"),
            *self.office(rows),
            *_stay(rows),
        )
        if "id" not in rows.columns:
            frame = frame.with_columns(_identified("dia", "condition"))
        return self.finish("condition", frame)

    def office(self, rows: pl.DataFrame) -> list[pl.Series]:
        """HER-id of the office of each row; null where there is none."""
        if "office" not in rows.columns:
            return [pl.Series("her_id", [None] * rows.height, dtype=pl.String)]
        return [self._her.gather(rows["office"]).alias("her_id")]

    def medication_request(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Prescriptions: ``rows`` of ``Region.prescriptions``, or with ``id``."""
        frame = self.with_person(rows, year, texts.DOSE).with_columns(*self.office(rows))
        if "id" not in rows.columns:
            frame = frame.with_columns(_identified("res", "prescription"))
        return self.finish("medication_request", frame)

    def organization(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Offices: ``rows`` of ``Region.gp_offices``, live_from null where not yet known."""
        return self.finish("organization", rows.with_columns(_identified("org", "office")))

    def episode_of_care(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Care episodes: ``rows`` of ``Region.care_episodes`` as known at the delivery."""
        zero = pl.col("leading_zero")
        code = pl.col("service_type_code")
        frame = self.with_person(rows, year, texts.SERVICE).with_columns(
            _identified("tje", "episode"),
            pl.when(zero)
            .then(pl.concat_str(pl.lit("0"), code))
            .otherwise(code)
            .alias("written_code"),
        )
        return self.finish("episode_of_care", frame)

    def communication(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Messages: ``rows`` of ``Region.messages``, or of extra messages with ``id``."""
        ours = pl.col("municipal")
        code, system = pl.col("municipality_code"), pl.lit(fhir.MUNICIPALITY)
        theirs = pl.lit(f"{fhir.OWN}hospital")
        if "id" not in rows.columns:
            rows = rows.with_columns(
                self._hospital_of(rows["encounter"]).alias("hospital_code"),
                _identified("mld", "message"),
                pl.lit(None, dtype=pl.String).alias("answers_id"),
                pl.col("message").alias("turn"),
            )
        else:
            rows = rows.with_columns(pl.col("sent_sequence").alias("turn"))
        frame = self.with_person(rows, year, texts.MESSAGE).with_columns(
            *_stay(rows),
            pl.concat_str(pl.lit("Communication/"), "answers_id").alias("answers_reference"),
            self.time("sent", rows, "sent_on", "sent_minute", "turn", pl.col("sent_sequence") % 60),
            pl.when(ours).then(code).otherwise("hospital_code").alias("sender"),
            pl.when(ours).then(system).otherwise(theirs).alias("sender_system"),
            pl.when(ours).then("hospital_code").otherwise(code).alias("recipient"),
            pl.when(ours).then(theirs).otherwise(system).alias("recipient_system"),
        )
        return self.finish("communication", frame)

    def _hospital_of(self, encounters: pl.Series) -> pl.Series:
        stays = self._region.encounters
        if stays.height and stays["encounter"][-1] == stays.height - 1:
            return stays["hospital_code"].gather(encounters)
        known = stays.select("encounter", "hospital_code")
        return encounters.to_frame().join(known, on="encounter", how="left", maintain_order="left")[
            "hospital_code"
        ]

    def document_reference(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Journal entries: ``rows`` of ``Region.journal_entries``."""
        event = rows.with_columns(
            (pl.col("recorded_minute") - pl.col("delay_minutes")).alias("event_minute")
        )
        staff = pl.col("staff").cast(pl.String).str.zfill(6)
        frame = self.with_person(event, year, texts.ENTRY).with_columns(
            _identified("jou", "entry"),
            self.time("recorded", rows, "recorded_on", "recorded_minute", None),
            self.time("event", event, "recorded_on", "event_minute", None),
            pl.format("ans-{}", staff).alias("staff_id"),
            pl.format("PractitionerRole/ans-{}", staff).alias("author_reference"),
        )
        return self.finish("document_reference", frame)

    def practitioner_role(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Staff: ``rows`` of ``Region.staff`` as known at the delivery."""
        frame = rows.with_columns(
            pl.format("ans-{}", pl.col("staff").cast(pl.String).str.zfill(6)).alias("id"),
            (9_000_001 + pl.col("worker") * 3).cast(pl.String).alias("hpr"),
        )
        if "trained_on" not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=pl.Date).alias("trained_on"))
        frame = frame.with_columns(pl.coalesce("first_login_on", "trained_on").alias("known"))
        return self.finish("practitioner_role", frame)

    def audit_event(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Portal sessions: ``rows`` of ``Region.portal_sessions``; instants in UTC."""
        frame = self.with_person(rows, year).with_columns(
            _identified("okt", "session"),
            pl.lit("portal").alias("event_type"),
            self.time("recorded", rows, "session_on", "minute", "always"),
        )
        return self.finish("audit_event", frame)

    def task(self, rows: pl.DataFrame, year: int) -> pl.DataFrame:
        """Forms: ``rows`` of ``Region.portal_forms``."""
        frame = self.with_person(rows, year, texts.FORM).with_columns(
            _identified("skj", "form"),
            pl.lit("form").alias("task_kind"),
            # Of items of worklists alone, which stand in the same table.
            *(pl.lit(None, dtype=pl.String).alias(one) for one in ("municipality_code", "service")),
        )
        return self.finish("task", frame)


def _stay(rows: pl.DataFrame) -> list[pl.Expr]:
    """Id of and reference to a stay; null where there is none."""
    if "encounter" not in rows.columns:
        nothing = pl.lit(None, dtype=pl.String)
        return [nothing.alias("encounter_id"), nothing.alias("encounter_reference")]
    number = pl.col("encounter").cast(pl.String).str.zfill(8)
    return [
        pl.format("enk-{}", number).alias("encounter_id"),
        pl.format("Encounter/enk-{}", number).alias("encounter_reference"),
    ]


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
