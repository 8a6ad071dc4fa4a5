"""Which rows of a whole region a delivery holds, and who delivers what.

Belongs here: further entities, and the list of deliveries' parts. Does not belong here: the first
entities (``selection``), how a row is delivered (``resources``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic import selection as first
from pipelines.synthetic.model import Region
from pipelines.synthetic.selection import later_null, year_of

Rows = Callable[[Region, int], pl.DataFrame]
Frames = Callable[[Region, int], Iterator[pl.DataFrame]]


@dataclass(frozen=True)
class Part:
    """What an organisation delivers of one kind.

    Attributes:
        entity: Resource type.
        shape: Method of a builder, and template or table.
        rows: Rows of a year, in one frame or several.
        tables_only: Only in tables: FHIR holds it inside another resource.
        even_empty: A table without rows says that there is nothing, and is delivered.
    """

    entity: str
    shape: str
    rows: Rows | Frames
    tables_only: bool = False
    even_empty: bool = False

    def frames(self, region: Region, year: int) -> Iterator[pl.DataFrame]:
        """The rows of a year, frame by frame."""
        found = self.rows(region, year)
        if isinstance(found, pl.DataFrame):
            yield found
        else:
            yield from found


def _more(name: str, on: str) -> Rows:
    """Rows of a frame of ``Region.more`` by the year of a date."""

    def rows(region: Region, year: int) -> pl.DataFrame:
        return region.more[name].filter(year_of(region, on) == year)

    return rows


def _yearly(name: str, look_back: int = 0) -> Frames:
    """Rows made a year at a time; the first delivery holds years before the window too."""

    def frames(region: Region, year: int) -> Iterator[pl.DataFrame]:
        begin = year - look_back if year == region.settings.first_year else year
        for calendar_year in range(begin, year + 1):
            yield region.yearly[name](calendar_year)

    return frames


def _extra_messages(municipal: bool) -> Rows:
    def rows(region: Region, year: int) -> pl.DataFrame:
        frame = region.more["extra_messages"].filter(pl.col("municipal") == municipal)
        return frame.filter(year_of(region, "sent_on") == year)

    return rows


def _immunizations(region: Region, year: int) -> pl.DataFrame:
    return region.more["immunizations"].filter(pl.col("known_year") == year)


def _decisions(region: Region, year: int) -> pl.DataFrame:
    """Decisions made in the year, and those whose service began in it."""
    decided = year_of(region, "decided_on")
    began = pl.col("first_service_on").dt.year()
    rows = region.more["care_decisions"].filter(
        (decided == year) | ((began == year) & (decided < year))
    )
    waits = (began > year) & (pl.col("status") == "completed")
    return rows.with_columns(
        later_null("first_service_on", year),
        pl.when(waits).then(pl.lit("active", dtype=rows["status"].dtype)).otherwise("status")
        .alias("status"),
    )  # fmt: skip


def _capacity(region: Region, year: int) -> pl.DataFrame:
    """Beds of which something became known in the year."""
    begun = year_of(region, "valid_from")
    ended = pl.col("valid_to").dt.year() == year
    rows = region.more["bed_capacity"].filter(
        ((begun == year) | ended.fill_null(False)) & (begun <= year)
    )
    return rows.with_columns(later_null("valid_to", year))


def _worklists(region: Region, year: int) -> pl.DataFrame:
    """Items made or done in the year."""
    done = pl.col("answered_on").dt.year()
    rows = region.more["worklists"].filter(
        (pl.col("sent_on").dt.year() == year) | (done == year).fill_null(False)
    )
    open_yet = (done > year) & (pl.col("status") == "completed")
    return rows.with_columns(
        later_null("answered_on", year),
        pl.when(open_yet).then(pl.lit("requested", dtype=rows["status"].dtype)).otherwise("status")
        .alias("status"),
    )  # fmt: skip


def _reservations(region: Region, year: int) -> pl.DataFrame:
    """Reservations given or lifted in the year."""
    given = year_of(region, "valid_from")
    lifted = pl.col("lifted_in") == year
    rows = region.more["reservations"].filter((given == year) | lifted.fill_null(False))
    # Before it is lifted it has no end.
    before = pl.col("lifted_in") > year
    return rows.with_columns(
        pl.when(before).then(pl.lit(None, dtype=pl.Date)).otherwise("valid_to").alias("valid_to"),
        pl.when(before).then(pl.lit("active")).otherwise("status").alias("status"),
    )


def _deletions(organisation: str) -> Rows:
    def rows(region: Region, year: int) -> pl.DataFrame:
        gone = pl.DataFrame(schema={"resource_type": pl.String, "resource_id": pl.String})
        if region.life is None:
            return gone
        parts = [gone]
        for name, (owner, kind, prefix, number) in DELETABLE.items():
            if owner != organisation or name not in region.life.deleted:
                continue
            rows = region.life.deleted[name].filter(pl.col("deleted_in") == year)
            digits = pl.col(number).cast(pl.String).str.zfill(8)
            parts.append(
                rows.select(
                    pl.lit(kind).alias("resource_type"),
                    pl.concat_str(pl.lit(prefix), digits).alias("resource_id"),
                )
            )
        return pl.concat(parts)

    return rows


DELETABLE = {
    # frame: organisation, resource type, prefix of the id, column of the number
    "encounters": ("sykehus", "Encounter", "enk-", "encounter"),
    "conditions": ("primaerhelse", "Condition", "dia-", "condition"),
    "prescriptions": ("primaerhelse", "MedicationRequest", "res-", "prescription"),
    "journal_entries": ("kommuner", "DocumentReference", "jou-", "entry"),
}

_FIRST: dict[str, tuple[Part, ...]] = {
    "personregister": (
        Part("Patient", "patient", first.patients),
        Part("Patient", "residence", first.patients, tables_only=True),
    ),
    "sykehus": (
        Part("Encounter", "encounter", first.encounters),
        Part("Communication", "communication", first.messages(municipal=False)),
    ),
    "primaerhelse": (
        Part("Condition", "condition", first.conditions),
        Part("MedicationRequest", "medication_request", first.prescriptions),
        Part("Organization", "organization", first.offices),
    ),
    "kommuner": (
        Part("EpisodeOfCare", "episode_of_care", first.episodes),
        Part("Communication", "communication", first.messages(municipal=True)),
        Part("DocumentReference", "document_reference", first.entries),
        Part("PractitionerRole", "practitioner_role", first.staff),
    ),
    "innbyggertjeneste": (
        Part("AuditEvent", "audit_event", first.sessions),
        Part("Task", "task", first.forms),
    ),
}

ORGANISATIONS = tuple(_FIRST)
"""Who delivers."""
_LOOK_BACK = par.LOOK_BACK_MONTHS // 12

_MORE: dict[str, tuple[Part, ...]] = {
    "personregister": (
        Part("Patient", "patient_link", first.patients, tables_only=True, even_empty=True),
    ),
    "sykehus": (
        Part("Communication", "communication", _extra_messages(municipal=False)),
        Part("Condition", "condition", _more("hospital_diagnoses", "recorded_on")),
        Part("Condition", "condition", _more("external_causes", "recorded_on")),
        Part("Observation", "observation", _yearly("hospital_observations")),
    ),
    "primaerhelse": (
        Part("MedicationRequest", "medication_request", _yearly("chronic_prescriptions")),
        Part("Observation", "observation", _yearly("gp_observations", _LOOK_BACK)),
        Part("Claim", "claim", _yearly("claims")),
        Part("Immunization", "immunization", _immunizations),
    ),
    "kommuner": (
        Part("Communication", "communication", _extra_messages(municipal=True)),
        Part("Observation", "observation", _more("municipal_observations", "observed_on")),
        Part("Observation", "observation", _more("child_observations", "observed_on")),
        Part("Procedure", "procedure", _more("procedures", "performed_on")),
        Part("ServiceRequest", "service_request", _decisions),
        Part("Location", "location", _capacity),
        Part("Task", "worklist_item", _worklists),
        Part("MeasureReport", "measure_report", _more("migration_counts", "counted_on")),
        Part("Claim", "claim", _yearly("out_of_hours")),
    ),
    "innbyggertjeneste": (),
}

_LIFE: dict[str, tuple[Part, ...]] = {
    "personregister": (
        Part("Patient", "second_patient", first.second_resources),
        Part("Patient", "second_residence", first.second_resources, tables_only=True),
        Part("Patient", "second_link", first.second_resources, tables_only=True),
    ),
    "sykehus": (Part("Bundle", "deletion", _deletions("sykehus")),),
    "primaerhelse": (Part("Bundle", "deletion", _deletions("primaerhelse")),),
    "kommuner": (Part("Bundle", "deletion", _deletions("kommuner")),),
    "innbyggertjeneste": (Part("Consent", "consent", _reservations),),
}


def parts_of(region: Region) -> dict[str, tuple[Part, ...]]:
    """By organisation, what it delivers of a region."""
    wanted = [
        _FIRST,
        *([_MORE] if region.settings.whole else []),
        *([_LIFE] if region.life else []),
    ]
    return {name: sum((parts[name] for parts in wanted), ()) for name in _FIRST}
