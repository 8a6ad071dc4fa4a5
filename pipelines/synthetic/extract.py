"""Write a region as the deliveries that its organisations would send.

Belongs here: which rows are known to whom when, files, manifests. Does not belong here: how a
resource looks (``resources``, ``fhir``).

One delivery per organisation and calendar year: full in the first year (with what was recorded
since go-live), deltas after. A resource is sent again when something about it has changed.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pipelines.settings import atomic_write
from pipelines.synthetic.days import date_of, last_day
from pipelines.synthetic.model import Progress, Region, no_progress, timed
from pipelines.synthetic.places import BORDER_DAY
from pipelines.synthetic.resources import Builder

SOURCE = "synthetic"
FILE_BYTES = 100_000_000
BORDER_YEAR = date_of(BORDER_DAY).year
_PACKED = frozenset({"EpisodeOfCare", "DocumentReference", "Condition", "AuditEvent"})


@dataclass(frozen=True)
class Delivery:
    """One delivery as written: its folder, rows and bytes by entity."""

    folder: Path
    rows: dict[str, int]
    bytes: int


def write_extract(
    region: Region,
    out_dir: Path,
    progress: Progress = no_progress,
    *,
    file_bytes: int = FILE_BYTES,
) -> list[Delivery]:
    """Write all deliveries of a region.

    Args:
        region: The region.
        out_dir: The inbox; deliveries lie in ``<out_dir>/synthetic/<organisation>-<year>/``. A
            delivery of that name is replaced.
        progress: Called after each delivery with its name, rows and seconds.
        file_bytes: Files are split so that none is larger than this before compression.

    Returns:
        The deliveries, in order of organisation and year. One without rows is not written.
    """
    builder = Builder(region)
    written = []
    for organisation, entities in _ORGANISATIONS.items():
        for year in region.settings.window:
            with timed(progress, f"{organisation}-{year}") as step:
                delivery = _write(
                    region, builder, out_dir / SOURCE, organisation, year, entities, file_bytes
                )
                step.rows = sum(delivery.rows.values())
            if step.rows:
                written.append(delivery)
    return written


Lines = Callable[[Region, Builder, int], pl.DataFrame]


def _write(
    region: Region,
    builder: Builder,
    folder: Path,
    organisation: str,
    year: int,
    entities: dict[str, Lines],
    file_bytes: int,
) -> Delivery:
    name = f"{organisation}-{year}"
    making = folder / f".{name}.making"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700, parents=True)
    files: list[dict[str, Any]] = []
    rows: dict[str, int] = {}
    for entity, lines_of in entities.items():
        lines = lines_of(region, builder, year)
        rows[entity] = lines.height
        for number, part in enumerate(_split(lines, file_bytes), start=1):
            files.append(_write_file(making, entity, number, part))
    final = folder / name
    shutil.rmtree(final, ignore_errors=True)
    if not files:
        making.rmdir()
        return Delivery(final, rows, 0)
    manifest = {
        "manifest_version": 1,
        "source": SOURCE,
        "delivery": name,
        "delivering_organisation": organisation,
        "period_start": f"{year}-01-01",
        "period_end": f"{year}-12-31",
        "transaction_time": f"{year + 1}-01-05T03:00:00+00:00",
        "kind": "full" if year == region.settings.first_year else "delta",
        "files": files,
    }
    with atomic_write(making / "manifest.json") as path:
        path.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    making.rename(final)
    return Delivery(final, rows, sum(file["bytes"] for file in files))


def _split(lines: pl.DataFrame, file_bytes: int) -> Iterator[pl.DataFrame]:
    if not lines.height:
        return
    broken = lines["line"].null_count()
    if broken:
        raise ValueError(
            f"write_extract: {broken} of {lines.height} resources miss a value that is not "
            "optional; mend the frame that the lines are built from."
        )
    total = int(lines.select((pl.col("line").str.len_bytes() + 1).sum()).item())
    parts = -(-total // file_bytes)
    yield from lines.iter_slices(-(-lines.height // parts))


def _write_file(folder: Path, entity: str, number: int, lines: pl.DataFrame) -> dict[str, Any]:
    buffer = io.BytesIO()
    lines.write_csv(buffer, include_header=False, quote_style="never")
    packed = entity in _PACKED
    content: bytes | memoryview = buffer.getbuffer()
    if packed:
        content = gzip.compress(content, compresslevel=1, mtime=0)
    name = f"{entity}-{number:04d}.ndjson" + (".gz" if packed else "")
    with atomic_write(folder / name) as path:
        path.write_bytes(content)
    return {
        "name": name,
        "entity": entity,
        "format": "ndjson",
        "compression": "gzip" if packed else "none",
        "rows": lines.height,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _year_of(region: Region, column: str) -> pl.Expr:
    """Year of the delivery that brings a row: what is older comes with the first."""
    return pl.max_horizontal(pl.col(column).dt.year(), pl.lit(region.settings.first_year))


def _later_null(column: str, year: int) -> pl.Expr:
    """A date, where it is known by the end of a year."""
    known = pl.col(column) <= dt.date(year, 12, 31)
    return pl.when(known).then(pl.col(column)).alias(column)


def _divided(region: Region) -> pl.Expr:
    """Rows of the places that a border divided."""
    return pl.col("place").is_in([int(place) for place in region.places.split.nonzero()[0]])


def _code_at_end(region: Region, rows: pl.DataFrame, year: int) -> pl.Series:
    """Municipality code of each row's place, valid on the last day of a year."""
    place = rows["place"].to_numpy()
    return region.places.code_at(place, np.full(place.size, last_day(year), dtype=np.int64))


def _patients(region: Region, builder: Builder, year: int) -> pl.DataFrame:
    residence = region.residence
    changed = residence.filter(
        (pl.col("valid_from").dt.year() == year) | (pl.col("valid_to").dt.year() == year)
    )
    known = region.persons.filter(pl.col("known_from") <= year)
    first = year == region.settings.first_year
    rows = known.filter(
        pl.lit(first)
        | (pl.col("known_from") == year)
        | (pl.col("death_date").dt.year() == year)
        | (pl.col("graded_from") == year)
        | pl.col("person").is_in(changed["person"].unique().implode())
    )
    return builder.patient(rows.sort("patient_number"), year)


def _encounters(region: Region, builder: Builder, year: int) -> pl.DataFrame:
    ended = pl.col("ended_on").dt.year()
    began = _year_of(region, "started_on")
    frame = region.encounters.with_columns(end_year=ended.fill_null(region.settings.end_year + 1))
    final = frame.filter(pl.max_horizontal("end_year", began) == year)
    open_still = frame.filter((began == year) & (pl.col("end_year") > year))
    open_still = open_still.with_columns(
        pl.when(pl.col("status") == "finished")
        .then(pl.lit("in-progress"))
        .otherwise("status")
        .alias("status"),
        pl.lit(None, dtype=pl.Date).alias("ended_on"),
        _code_at_end(region, open_still, year).alias("municipality_of_stay"),
    )
    return builder.encounter(pl.concat([final, open_still]).sort("encounter"))


def _messages(municipal: bool) -> Lines:
    def lines(region: Region, builder: Builder, year: int) -> pl.DataFrame:
        frame = region.messages.filter(pl.col("municipal") == municipal)
        return builder.communication(frame.filter(_year_of(region, "sent_on") == year))

    return lines


def _conditions(region: Region, builder: Builder, year: int) -> pl.DataFrame:
    now = _year_of(region, "recorded_on") == year
    corrected = pl.col("corrected_year")
    rows = region.conditions.filter(now | (corrected == year)).with_columns(
        pl.when(corrected > year)
        .then(pl.lit("confirmed"))
        .otherwise("verification_status")
        .alias("verification_status")
    )
    return builder.condition(rows)


def _prescriptions(region: Region, builder: Builder, year: int) -> pl.DataFrame:
    rows = region.prescriptions.filter(_year_of(region, "authored_on") == year)
    return builder.medication_request(rows)


def _offices(region: Region, builder: Builder, year: int) -> pl.DataFrame:
    first = year == region.settings.first_year
    moved = pl.lit(year == BORDER_YEAR) & _divided(region)
    rows = region.gp_offices.filter(pl.lit(first) | (pl.col("live_from").dt.year() == year) | moved)
    return builder.organization(
        rows.with_columns(
            _later_null("live_from", year),
            _code_at_end(region, rows, year).alias("municipality_code"),
        )
    )


def _episodes(region: Region, builder: Builder, year: int) -> pl.DataFrame:
    """Episodes that began or ended in the year, and all that a new border touches."""
    ended = pl.col("end_on").dt.year().fill_null(region.settings.end_year + 1)
    known = _year_of(region, "known_on")
    moved = pl.lit(year == BORDER_YEAR) & _divided(region) & (ended >= year) & (known < year)
    rows = region.care_episodes.filter((known == year) | (ended == year) | moved, known <= year)
    code = _code_at_end(region, rows, year)
    still = ended > year
    rows = rows.with_columns(
        _later_null("end_on", year),
        pl.when(still & (pl.col("status") == "finished"))
        .then(pl.lit("active"))
        .otherwise("status")
        .alias("status"),
        pl.when(still).then(code).otherwise("municipality_code").alias("municipality_code"),
    )
    return builder.episode_of_care(rows)


def _entries(region: Region, builder: Builder, year: int) -> pl.DataFrame:
    rows = region.journal_entries.filter(pl.col("recorded_on").dt.year() == year)
    return builder.document_reference(rows)


def _staff(region: Region, builder: Builder, year: int) -> pl.DataFrame:
    known = _year_of(region, "known_on")
    rows = region.staff.filter(
        (known == year)
        | (pl.col("employed_to").dt.year() == year)
        | (pl.col("first_login_on").dt.year() == year)
    ).filter(known <= year)
    return builder.practitioner_role(
        rows.with_columns(_later_null("employed_to", year), _later_null("first_login_on", year))
    )


def _sessions(region: Region, builder: Builder, year: int) -> pl.DataFrame:
    return builder.audit_event(
        region.portal_sessions.filter(pl.col("session_on").dt.year() == year)
    )


def _forms(region: Region, builder: Builder, year: int) -> pl.DataFrame:
    sent, answered = pl.col("sent_on").dt.year(), pl.col("answered_on").dt.year()
    rows = region.portal_forms.filter((sent == year) | (answered == year))
    unanswered_yet = (answered > year) & (pl.col("status") == "completed")
    return builder.task(
        rows.with_columns(
            _later_null("answered_on", year),
            pl.when(unanswered_yet).then(pl.lit("requested")).otherwise("status").alias("status"),
        )
    )


_ORGANISATIONS: dict[str, dict[str, Lines]] = {
    "personregister": {"Patient": _patients},
    "sykehus": {"Encounter": _encounters, "Communication": _messages(municipal=False)},
    "primaerhelse": {
        "Condition": _conditions,
        "MedicationRequest": _prescriptions,
        "Organization": _offices,
    },
    "kommuner": {
        "EpisodeOfCare": _episodes,
        "Communication": _messages(municipal=True),
        "DocumentReference": _entries,
        "PractitionerRole": _staff,
    },
    "innbyggertjeneste": {"AuditEvent": _sessions, "Task": _forms},
}
