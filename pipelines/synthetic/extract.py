"""Write a region as the deliveries that its organisations would send.

Belongs here: deliveries and their manifests. Does not belong here: which rows are known to whom
when (``selection``), how a row looks (``resources``, ``star``), files (``files``).

One delivery per organisation and calendar year: full in the first year (with what was recorded
since go-live), deltas after.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipelines.settings import atomic_write
from pipelines.synthetic import parameters as par
from pipelines.synthetic.files import FILE_BYTES, Folder, Format, builder_for
from pipelines.synthetic.generate import GENERATED
from pipelines.synthetic.model import Progress, Region, SyntheticSettings, no_progress, timed
from pipelines.synthetic.resources import Builder
from pipelines.synthetic.selection_more import ORGANISATIONS, Part, parts_of
from pipelines.synthetic.whole import ADDED

SOURCE = "synthetic"
_MUNICIPAL = "kommuner"


@dataclass(frozen=True)
class Delivery:
    """One delivery as written: its folder, rows by entity or table, and bytes."""

    folder: Path
    rows: dict[str, int]
    bytes: int


def write_extract(
    region: Region,
    out_dir: Path,
    progress: Progress = no_progress,
    *,
    form: Format = "fhir",
    file_bytes: int = FILE_BYTES,
) -> list[Delivery]:
    """Write all deliveries of a region.

    Args:
        region: The region.
        out_dir: The inbox; deliveries lie in ``<out_dir>/synthetic/<organisation>-<year>/``. A
            delivery of that name is replaced.
        progress: Called after each delivery with its name, rows and seconds.
        form: ``fhir`` (lines), ``tables`` (Parquet) or ``csv``.
        file_bytes: Files of lines are split so that none is larger than this before compression.

    Returns:
        The deliveries, in order of organisation and year. One without rows is not written.
    """
    builder = builder_for(form, region)
    written = []
    for organisation, parts in parts_of(region).items():
        for year in region.settings.window:
            with timed(progress, f"{organisation}-{year}") as step:
                making = out_dir / SOURCE / f".{organisation}-{year}.making"
                shutil.rmtree(making, ignore_errors=True)
                making.mkdir(mode=0o700, parents=True)
                folder = Folder(making, form, file_bytes)
                _fill(folder, region, builder, parts, year, form)
                delivery = _close(folder, making, region, organisation, year)
                step.rows = sum(delivery.rows.values())
            if step.rows:
                written.append(delivery)
    return written


def steps(settings: SyntheticSettings) -> int:
    """How many times progress is told while a region is made and written."""
    making = len(GENERATED) + (len(ADDED) if settings.whole else 0)
    return making + len(ORGANISATIONS) * len(settings.window)


def _fill(
    folder: Folder,
    region: Region,
    builder: Builder,
    parts: tuple[Part, ...],
    year: int,
    form: Format,
) -> None:
    for part in parts:
        if part.tables_only and form == "fhir":
            continue
        for rows in part.frames(region, year):
            folder.write(part, builder, rows, year)


def _close(folder: Folder, making: Path, region: Region, organisation: str, year: int) -> Delivery:
    """Write the manifest and give the delivery its name."""
    name = f"{organisation}-{year}"
    final = making.with_name(name)
    shutil.rmtree(final, ignore_errors=True)
    if not folder.files:
        making.rmdir()
        return Delivery(final, folder.rows, 0)
    manifest = {
        "manifest_version": 1,
        "source": SOURCE,
        "delivery": name,
        "delivering_organisation": _called(region, organisation, year),
        "period_start": f"{year}-01-01",
        "period_end": f"{year}-12-31",
        "transaction_time": f"{year + 1}-01-05T03:00:00+00:00",
        "kind": "full" if year == region.settings.first_year else "delta",
        "files": folder.files,
    }
    with atomic_write(making / "manifest.json") as path:
        path.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    making.rename(final)
    return Delivery(final, folder.rows, sum(file["bytes"] for file in folder.files))


def _called(region: Region, organisation: str, year: int) -> str:
    """What an organisation calls itself: the municipalities may change to a number."""
    since = region.settings.new_number_from
    changed = organisation == _MUNICIPAL and since is not None and year >= since
    return par.ORGANISATION_NUMBER if changed else organisation
