"""The ``folkepuls`` command: what can be typed, and how results and errors are told.

Belongs here: arguments, help and messages. Does not belong here: what a command does
(``operations``, ``demo``, ``doctor``). Heavy imports wait until a command needs them.

Exit codes: 0 done, 1 something went wrong and the message says what to do, 2 wrong usage,
3 waiting for a steward's decision, or for a source that is still at work.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines import (
    cli_catalogue,
    cli_flatten,
    cli_microdata,
    cli_protect,
    cli_quarantine,
    cli_register,
    cli_sources,
)
from pipelines.settings import Settings

WAITS_FOR_STEWARD = 3

app = typer.Typer(
    name="folkepuls",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Population-health indicators from journal extracts, safe to publish.\n\n"
    "A first time: `folkepuls demo`. With data of your own: `folkepuls keys init`, "
    "`folkepuls ingest PATH`, `folkepuls run`, `folkepuls release show`, "
    "`folkepuls release approve`, `folkepuls dashboard`.\n\n"
    "Everything lies under FOLKEPULS_HOME (default: the project's data folder).",
)
release_app = typer.Typer(no_args_is_help=True, help="Build, look at, sign and publish releases.")
keys_app = typer.Typer(no_args_is_help=True, help="The pseudonym key.")
docs_app = typer.Typer(no_args_is_help=True, help="The generated reference pages.")
app.add_typer(release_app, name="release")
app.add_typer(keys_app, name="keys")
app.add_typer(cli_quarantine.app, name="quarantine")
app.add_typer(cli_register.app, name="register")
app.add_typer(cli_sources.app, name="sources")
app.command("fhir-export")(cli_sources.fhir_export)
app.add_typer(cli_catalogue.app, name="catalogue")
app.add_typer(docs_app, name="docs")

out = Console(highlight=False, soft_wrap=True)

Scale = Annotated[float, typer.Option(min=0.001, max=1.0, help="Share of the real population.")]
Years = Annotated[int, typer.Option(min=1, max=5, help="Calendar years, the last one 2025.")]
Seed = Annotated[
    int, typer.Option(min=0, help="The same seed gives the same region, byte for byte.")
]
Port = Annotated[int, typer.Option(min=1024, max=65535, help="Port on 127.0.0.1.")]


class DeliveredAs(StrEnum):
    """Formats of a synthetic extract."""

    fhir = "fhir"
    tables = "tables"
    csv = "csv"


class ProfileLanguage(StrEnum):
    """Languages of a profile."""

    nb = "nb"
    nn = "nn"
    en = "en"


@app.command()
def demo(
    scale: Scale = 0.1,
    years: Years = 3,
    seed: Seed = 20231103,
    port: Port = 8501,
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Serve the dashboards when done.")
    ] = True,
) -> None:
    """A synthetic region, through the whole pipeline, to the dashboards.

    Makes a journal extract with known truth, takes it in, models and protects it, signs the
    release in its own name and says so, and serves the dashboards on this machine alone.
    """
    from pipelines.demo import make_demo
    from pipelines.synthetic import SyntheticSettings

    region = SyntheticSettings(
        scale=scale, years=years, seed=seed, whole=True, life=True, new_number_from=2024
    )
    make_demo(Settings(), region, out)
    if serve:
        dashboard(port=port, steward=False)


@app.command()
def synth(
    to: Annotated[Path, typer.Option("--out", help="Folder for the deliveries.")],
    scale: Scale = 0.1,
    years: Years = 3,
    seed: Seed = 20231103,
    form: Annotated[
        DeliveredAs,
        typer.Option(
            "--format",
            help="fhir: lines of JSON. tables: a star extract as Parquet. csv: the same as text, "
            "as Norwegian offices write it.",
        ),
    ] = DeliveredAs.fhir,
    whole: Annotated[
        bool, typer.Option("--whole/--first", help="All entities, or what the demo needs.")
    ] = True,
    life: Annotated[
        bool,
        typer.Option(
            "--life/--no-life",
            help="What befalls a journal: numbers that change, late, corrected and deleted rows, "
            "reservations.",
        ),
    ] = False,
    truth: Annotated[
        Path | None,
        typer.Option(help="Folder for the exact figures; nothing that takes data in may see it."),
    ] = None,
    register: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the region's population register; a home has it in "
            "restricted/register/synthetic."
        ),
    ] = None,
) -> None:
    """Write a synthetic journal extract: deliveries as a journal would send them.

    All numbers are of the synthetic series; nobody in it exists. The whole region at full size
    (`--scale 1 --years 5 --format tables`) is about 55 million rows in some 900 MB.
    """
    from pipelines.demo import write_region
    from pipelines.synthetic import SyntheticSettings

    if life and not whole:
        raise typer.BadParameter("--life needs the whole region: leave --first out.")
    if not whole and form is not DeliveredAs.fhir:
        raise typer.BadParameter(
            f"--format {form.value} needs the whole region: leave --first out."
        )
    if truth is not None and truth.resolve().is_relative_to(to.resolve()):
        raise typer.BadParameter("--truth lies inside --out: whatever reads the deliveries would "
                                 "see the answers. Name a folder elsewhere.")  # fmt: skip
    region = SyntheticSettings(scale=scale, years=years, seed=seed, whole=whole, life=life)
    settings = Settings()
    write_region(
        region, to, truth, out, form.value, register, settings.public_denominators,
        settings.border_set,
    )  # fmt: skip
    out.print(f"Take it in with: folkepuls ingest {to}")
    if register is None and settings.public_denominators == "register":
        out.print(
            "A run counts inhabitants by the register, which --register writes (a home has it "
            "in restricted/register/synthetic), or else with FOLKEPULS_PUBLIC_DENOMINATORS=journal."
        )


@app.command()
def ingest(
    paths: Annotated[
        list[Path], typer.Argument(help="Deliveries, or folders that hold deliveries.")
    ],
) -> None:
    """Take deliveries in: copy them to the inbox, verify, pseudonymise, load or quarantine.

    Delivering the same bytes twice changes nothing. Exits with 1 when something was refused.
    """
    from pipelines.operations import take_in

    refused = take_in(Settings(), paths, out)
    if refused:
        raise typer.Exit(1)


@app.command()
def run(
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="Make the candidate of what was known at this moment (UTC); take in nothing.",
        ),
    ] = None,
) -> None:
    """Run the whole job on what waits, from the last good state to a release candidate."""
    from pipelines.operations import rebuild
    from pipelines.operations import run as run_all

    if as_of is not None:
        report = rebuild(Settings(), as_of.replace(tzinfo=UTC))
    else:
        report = run_all(Settings())
    for refusal in report.refused:
        out.print(f"Refused: {refusal}", style="red", markup=False)
    if report.refused:
        out.print("What to do about each reason: folkepuls quarantine list")
    if not report.refined:
        out.print(f"Nothing new since candidate {report.release_id}.")
    else:
        swept = f"Swept {report.swept} dead runs. " if report.swept else ""
        out.print(f"{swept}Took in {report.ingested} partitions. Candidate: {report.release_id}")
        out.print("Look at it with: folkepuls release show")


@release_app.command("build")
def release_build() -> None:
    """Make a release candidate of what has been taken in (the same as `folkepuls run`)."""
    run()


@release_app.command("show")
def release_show(
    release_id: Annotated[str | None, typer.Argument(help="Default: the newest.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it, for a program.")] = False,
) -> None:
    """What a candidate holds: cells by status, the audit, and where it stands."""
    from pipelines.publication.release import newest_candidate
    from pipelines.publication.standing import release_summary

    zones = Settings().zones.create()
    summary = release_summary(zones, release_id or newest_candidate(zones))
    if as_json:
        out.print_json(json.dumps(summary, ensure_ascii=False))
        return
    audit = summary["audit"]
    out.print(f"Release {summary['release_id']}: {summary['state']}")
    out.print(f"Deliveries up to {summary['built']}")
    for status, cells in summary["cells_by_status"].items():
        out.print(f"  {status:<14} {cells:>8} figures")
    verdict = "nothing hidden can be found out" if audit["ok"] else "RED: hidden cells can be found"
    out.print(f"Audit of {audit['hidden']} hidden cells: {verdict}")
    out.print(f"Red checks: {', '.join(summary['blocking_checks']) or 'none'}")
    if summary["state"] == "candidate":
        out.print("Sign it with: folkepuls release approve --name … --reason …")


@release_app.command("approve")
def release_approve(
    name: Annotated[str, typer.Option(help="Who signs.")],
    reason: Annotated[str, typer.Option(help="Why it may be published.")],
    release_id: Annotated[str | None, typer.Argument(help="Default: the newest.")] = None,
) -> None:
    """Sign a candidate, and publish it."""
    _decide("approve", name, reason, release_id)
    release_publish(release_id)


@release_app.command("reject")
def release_reject(
    name: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str, typer.Option(help="Why it must not be published.")],
    release_id: Annotated[str | None, typer.Argument(help="Default: the newest.")] = None,
) -> None:
    """Refuse a candidate; it stays in the restricted zone."""
    _decide("reject", name, reason, release_id)
    out.print("Rejected. Nothing was published.")


@release_app.command("publish")
def release_publish(
    release_id: Annotated[str | None, typer.Argument(help="Default: the newest.")] = None,
) -> None:
    """Publish a candidate that a steward has approved, and point readers to it."""
    from pipelines.operations import publish_release
    from pipelines.publication.release import decision_on, newest_candidate

    zones = Settings().zones.create()
    chosen = release_id or newest_candidate(zones)
    if decision_on(zones, chosen) is None:
        out.print(f"Release {chosen} waits for a steward: `folkepuls release approve`.")
        raise typer.Exit(WAITS_FOR_STEWARD)
    out.print(f"Published: {publish_release(Settings(), chosen)}")


def _decide(decision: str, name: str, reason: str, release_id: str | None) -> None:
    from pipelines.publication.release import Decision, decide, newest_candidate

    zones = Settings().zones.create()
    chosen = release_id or newest_candidate(zones)
    entry = {
        "release_id": chosen,
        "decision": decision,
        "name": name,
        "reason": reason,
        # A signature is the one thing that is about the moment it is given.
        "decided_on": datetime.now(UTC).date().isoformat(),
    }
    decide(zones, Decision.model_validate(entry))


@app.command()
def dashboard(
    port: Port = 8501,
    steward: Annotated[
        bool, typer.Option("--steward", help="The stewards' page, a process of its own.")
    ] = False,
) -> None:
    """Serve the dashboards on 127.0.0.1."""
    from pipelines.services import serve_dashboard

    raise typer.Exit(serve_dashboard(Settings(), port, steward=steward, console=out))


@app.command()
def profiles(
    to: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
    area: Annotated[
        list[str] | None, typer.Option(help="Municipality numbers; all of them by default.")
    ] = None,
    language: Annotated[
        ProfileLanguage | None,
        typer.Option(help="nb, nn or en; each municipality's own by default."),
    ] = None,
) -> None:
    """Write the municipalities' profiles of the current release as tagged PDF files (PDF/UA-1).

    The same release gives the same bytes.
    """
    from dashboards.profiles.pdf import write_profiles

    written = write_profiles(
        Settings().zones.home, to, area or (), language.value if language is not None else None
    )
    out.print(f"Wrote {sum(1 for _ in written)} profiles to {to}")


@app.command()
def dagster(port: Port = 3000) -> None:
    """Open Dagster's pages on 127.0.0.1: lineage, runs, checks, schedules and sensors."""
    from pipelines.services import serve_dagster

    raise typer.Exit(serve_dagster(Settings(), port, console=out))


@app.command()
def notebook(port: Port = 2718) -> None:
    """Open the analysts' notebooks: SQL over the analysis and published zones, read-only."""
    from pipelines.services import serve_notebooks

    raise typer.Exit(serve_notebooks(Settings(), port, console=out))


@app.command()
def doctor() -> None:
    """Look at versions, zones, permissions, keys and disk; say what is wrong and how to mend it."""
    from pipelines.doctor import examine

    findings = examine(Settings())
    for finding in findings:
        style = {"ok": "green", "note": "yellow", "wrong": "red"}[finding.verdict]
        out.print(f"[{style}]{finding.verdict:>5}[/]  {finding.subject}: {finding.text}")
        if finding.mend:
            out.print(f"        {finding.mend}")
    if any(finding.verdict == "wrong" for finding in findings):
        raise typer.Exit(1)


app.command()(cli_flatten.flatten)
app.command()(cli_microdata.assess)
app.command()(cli_microdata.anonymize)
app.command()(cli_protect.protect)
app.command()(cli_catalogue.explain)


@keys_app.command("init")
def keys_init() -> None:
    """Make the pseudonym key: 256 bits in a file outside the project that only you can read."""
    from anonymization.keys import create_key_file
    from pipelines.resources import forbidden_root

    settings = Settings()
    key = create_key_file(settings.key_file, forbidden_root=forbidden_root(settings))
    out.print(f"Made key {key.id} in {settings.key_file}. Keep a copy where no journal data lie:")
    out.print("without it new deliveries cannot be joined with old ones.")


@docs_app.command("build")
def docs_build(
    to: Annotated[Path, typer.Option("--out", help="Folder.")] = Path("docs/reference"),
) -> None:
    """Write the reference pages of indicators, policies, tables and commands."""
    from pipelines.reference_docs import write_reference

    for path in write_reference(to, app):
        out.print(str(path))


def main() -> None:
    """Run the command; turn known errors into a message and exit code 1."""
    from pipelines.errors import message_of

    # Whatever this process and its children write is its owner's alone.
    os.umask(0o077)
    try:
        app()
    except Exception as error:
        message = message_of(error)
        if message is None:
            raise
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            message, style="red", markup=False
        )
        sys.exit(1)
