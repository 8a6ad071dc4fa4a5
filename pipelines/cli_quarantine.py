"""The ``folkepuls quarantine`` commands: what lies there, back to the source, and out again.

Belongs here: how they are typed and printed. Does not belong here: what they do
(``pipelines.ingest``). What is printed are counts and names; raw lines go to files of the
identified zone alone.
"""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from pipelines.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Lines that could not pass the door.")
out = Console(highlight=False, soft_wrap=True)

Deliveries = Annotated[
    list[str] | None, typer.Argument(help="Deliveries, as source__delivery; all by default.")
]


@app.command("list")
def show(
    language: Annotated[
        Literal["nb", "nn", "en"], typer.Option(help="Language of the reasons.")
    ] = "nb",
) -> None:
    """Count what is in quarantine by delivery, entity and reason; deliveries refused whole too."""
    import polars as pl

    from pipelines.catalogue.reasons import load_reasons
    from pipelines.ingest import quarantine_counts, refused_deliveries

    settings = Settings()
    by = ["source", "delivery", "entity", "reason"]
    counts = quarantine_counts(settings.zones).group_by(by).agg(pl.col("rows").sum()).sort(by)
    refused = refused_deliveries(settings.zones, settings.inbox_url)
    if counts.is_empty() and not refused:
        out.print("Nothing is in quarantine.")
        return
    reasons = load_reasons()
    table = Table(box=None)
    for heading in ("delivery", "entity", "rows", "reason", ""):
        # In a narrow terminal names go on in the next line; cut off they would be of no use.
        table.add_column(heading, overflow="fold")
    for source, delivery, entity, reason, rows in counts.iter_rows():
        text = reasons[reason].text(language)
        table.add_row(f"{source}__{delivery}", entity, str(rows), reason, text)
    for result in refused:
        reason = result.reason or ""
        text = reasons[reason].text(language) if reason in reasons else ""
        table.add_row(f"{result.source}__{result.delivery}", "", "all", reason, text)
    out.print(table)


@app.command()
def release(deliveries: Deliveries = None) -> None:
    """Judge quarantined lines anew by the catalogue of now, and take in those that pass.

    Refused files are tried again too, where they still lie in the inbox.
    """
    from pipelines.ingest import Options, ingest_refused, release_lines
    from pipelines.operations import one_at_a_time
    from pipelines.resources import pseudonym_key

    settings = Settings()
    zones = settings.zones.create()
    key = pseudonym_key(settings)
    options = Options(threads=settings.threads, quarantine_key=key)
    with one_at_a_time(zones):
        lines = release_lines(zones, key, deliveries or (), options=options)
        again = ingest_refused(
            zones, key, deliveries or (), options=options, inbox=settings.inbox_url
        )
    for one in lines:
        left = ", ".join(f"{reason} {rows}" for reason, rows in sorted(one.left.items()))
        told = f"{one.released} released, {sum(one.left.values())} left"
        out.print(
            f"  {one.delivery}/{one.file}: {told}{f' ({left})' if left else ''}", markup=False
        )
    for delivery, file in again:
        told = f"{file.loaded_rows} loaded, {file.quarantined_rows} in quarantine"
        why = f"still refused: {file.reason}: {file.detail}"
        out.print(f"  {delivery}/{file.name}: {why if file.reason else told}", markup=False)
    if not lines and not again:
        out.print("Nothing is in quarantine.")


@app.command()
def export(deliveries: Deliveries = None) -> None:
    """Write the lines with their reasons to the identified zone, where the source fetches them."""
    from pipelines.ingest import export_lines
    from pipelines.resources import pseudonym_key

    settings = Settings()
    written = export_lines(settings.zones.create(), pseudonym_key(settings), deliveries or ())
    for path, rows in written:
        out.print(f"  {path}: {rows} lines", markup=False)
    if not written:
        out.print("Nothing is in quarantine.")
