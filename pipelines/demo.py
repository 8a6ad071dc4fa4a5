"""The demonstration: a synthetic region from extract to signed release.

Belongs here: the order of it, and the care that it never mixes with other data. Does not belong
here: making the region (``synthetic``) and the pipeline itself (``operations``).
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from anonymization.keys import create_key_file
from pipelines.operations import publish_release, run
from pipelines.publication.release import Decision, current_release, decide
from pipelines.resources import forbidden_root
from pipelines.settings import (
    BorderSet,
    PublicDenominators,
    Settings,
    Zones,
    atomic_write,
    make_folder,
)
from pipelines.synthetic import (
    Format,
    SyntheticSettings,
    generate_tables,
    steps,
    write_extract,
    write_register,
    write_truth,
)

SOURCE = "synthetic"
MARK = "demo.json"
SIGNATURE = "folkepuls demo"
REASON = "Demonstrasjon på syntetiske tall, signert av demonstrasjonen selv."


class DemoError(RuntimeError):
    """The demonstration cannot run here; the message says why and what to do."""


def make_demo(settings: Settings, region: SyntheticSettings, console: Console) -> str:
    """Make a region, run the whole pipeline on it, sign the release and publish it.

    Args:
        settings: Settings of this process.
        region: Scale, years and seed.
        console: Where progress is printed.

    Returns:
        The published release's id.

    Raises:
        DemoError: The home holds data that are not the demonstration's.
    """
    zones = _own_home(settings, region)
    if not settings.key_file.exists():
        create_key_file(settings.key_file, forbidden_root=forbidden_root(settings))
        console.print(f"Made a pseudonym key in {settings.key_file}")
    console.print("1  The synthetic region and its extract", style="bold")
    if not (zones.inbox / SOURCE).is_dir():
        write_region(
            region,
            zones.inbox,
            zones.truth,
            console,
            register=zones.register / SOURCE,
            public_denominators=settings.public_denominators,
            border_set=settings.border_set,
        )
    console.print("2  Through the doors to a release candidate", style="bold")
    report = run(settings)
    if report.release_id is None:
        raise DemoError("The run made no release candidate. Look at it with `folkepuls dagster`.")
    console.print("3  Signature and publication", style="bold")
    _sign(zones, report.release_id, console)
    publish_release(settings, report.release_id)
    _tell(zones, console)
    return report.release_id


def write_region(
    region: SyntheticSettings,
    to: Path,
    truth: Path | None,
    console: Console,
    form: Format = "fhir",
    register: Path | None = None,
    public_denominators: PublicDenominators = "register",
    border_set: BorderSet = "date",
) -> None:
    """Write a region's deliveries, and its truth and population register where asked.

    Args:
        region: Scale, years and seed.
        to: Folder that gets ``synthetic/<delivery>/``.
        truth: Folder of the truth, or null for none. No pipeline step may read it.
        console: Where progress is printed.
        form: ``fhir``, ``tables`` or ``csv``.
        register: Folder of the population register, or null for none.
        public_denominators: Whose persons stand below public figures in the truth.
        border_set: By which borders the register counts; the truth has the codes of the date.

    Raises:
        DemoError: There is something already.
    """
    if (to / SOURCE).exists():
        raise DemoError(
            f"{to / SOURCE} exists and is not overwritten. Name another folder, or remove it."
        )

    building = to / f".{SOURCE}.building"
    shutil.rmtree(building, ignore_errors=True)
    for folder in [building, *([] if truth is None else [truth])]:
        make_folder(folder)
    with _bar(console) as bar:
        task = bar.add_task("region", total=steps(region))

        def line(step: str, rows: int, seconds: float) -> None:
            count = f"{rows:>12,}".replace(",", " ")
            console.print(f"  done   {step:<28} {count} rows {seconds:6.1f} s", markup=False)
            bar.advance(task)

        tables = generate_tables(region, progress=line)
        write_extract(tables, building, progress=line, form=form)
        if truth is not None:
            write_truth(tables, truth, public_denominators)
        if register is not None:
            write_register(tables, register, border_set)
    target = to / SOURCE
    written = building / SOURCE if (building / SOURCE).is_dir() else building
    written.rename(target)
    shutil.rmtree(building, ignore_errors=True)


def _bar(console: Console) -> Progress:
    """How far it has come, below the lines; on a terminal only, and gone in the end."""
    return Progress(
        TextColumn("  {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _own_home(settings: Settings, region: SyntheticSettings) -> Zones:
    """A home that is the demonstration's own: fresh when its settings changed."""
    zones = settings.zones
    mark = zones.state / MARK
    wanted = asdict(region) | {
        "public_denominators": settings.public_denominators,
        "border_set": settings.border_set,
    }
    if mark.is_file():
        if json.loads(mark.read_text()) != wanted:
            # Another region is another population: nothing of the old one may stay beside it.
            for folder in (
                zones.identified,
                zones.restricted,
                zones.analysis,
                zones.steward,
                zones.published,
                zones.state,
            ):
                shutil.rmtree(folder, ignore_errors=True)
    elif _has_content(zones):
        raise DemoError(
            f"{zones.home} holds deliveries that the demonstration did not make. Run it elsewhere: "
            "FOLKEPULS_HOME=/some/empty/folder folkepuls demo"
        )
    zones.create()
    with atomic_write(mark) as path:
        path.write_text(json.dumps(wanted))
    return zones


def _has_content(zones: Zones) -> bool:
    return any(
        folder.is_dir() and any(folder.iterdir()) for folder in (zones.inbox, zones.deliveries)
    )


def _sign(zones: Zones, release_id: str, console: Console) -> None:
    entry = {
        "release_id": release_id,
        "decision": "approve",
        "name": SIGNATURE,
        "reason": REASON,
    }
    decide(zones, Decision.model_validate(entry))
    console.print(f"  The demonstration approves its own release {release_id}, and says so in it.")


def _tell(zones: Zones, console: Console) -> None:
    """Print the share of each status among municipality totals of the last year."""
    folder = zones.published / "current"
    values = pl.read_parquet(folder / "indicator_values.parquet")
    totals = values.filter(
        (pl.col("area_level") == "municipality")
        & (pl.col("sex") == "total")
        & (pl.col("age_group") == "total")
        & (pl.col("value_kind") == "crude")
        & (pl.col("period_type") == "year")
        & (pl.col("breakdown") == "total")
    )
    totals = totals.filter(pl.col("period_start") == pl.col("period_start").max())
    last_day = totals["period_end"].max()
    two_years_live = pl.read_parquet(folder / "areas.parquet").filter(
        (pl.col("go_live_certainty") != "planned")
        & (pl.col("go_live_on").dt.offset_by("24mo") <= last_day)
    )
    live = totals.join(two_years_live, on="area_code", how="semi")
    console.print(f"  Published {current_release(zones)}.")
    for name, rows in (("all municipalities", totals), ("live for two years", live)):
        shares = rows.group_by("value_status").len().sort("len", descending=True)
        text = ", ".join(f"{status} {n / rows.height:.0%}" for status, n in shares.iter_rows())
        console.print(f"  Municipality totals of the last year, {name}: {text or 'none'}.")
