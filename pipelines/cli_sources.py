"""The ``folkepuls sources`` commands and ``folkepuls fhir-export``: asking a journal by hand.

Belongs here: how they are typed and printed. Does not belong here: what they do
(``pipelines.clients.bulk``). What is printed are counts and names.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from pipelines.settings import Settings, make_folder

if TYPE_CHECKING:
    from pipelines.clients.bulk import Event, Exported

NOT_READY = 3
"""Exit code when the server is still at work: nothing is wrong, and there is nothing yet."""

app = typer.Typer(no_args_is_help=True, help="Source systems: what is configured, what they can.")
out = Console(highlight=False, soft_wrap=True)

ProfileName = Annotated[str, typer.Argument(help="Name of a profile, or a path to one.")]


@app.command("list")
def show() -> None:
    """What is configured: the profiles of this site, and the kinds of servers they can extend."""
    from pipelines.catalogue.loader import CatalogueError
    from pipelines.catalogue.profiles import list_profiles, load_kinds, load_profile

    folder = Settings().profiles_folder
    table = Table(box=None)
    for heading in ("profile", "kind", "source", "server", "cohort shards", ""):
        table.add_column(heading, overflow="fold")
    wrong = False
    for path in list_profiles(folder):
        try:
            profile = load_profile(path)
        except CatalogueError as error:
            wrong = True
            table.add_row(path.stem, "", "", "", "", escape(str(error)))
            continue
        site = profile.site
        shards = ", ".join(shard.name for shard in site.groups) or site.level
        table.add_row(profile.name, profile.kind, site.source, profile.base_origin, shards, "")
    if table.row_count:
        out.print(table)
    else:
        out.print(f"No profile in {folder}.")
    out.print("Kinds of servers:")
    for kind in load_kinds().values():
        out.print(f"  {kind.id:<16} {kind.description}", markup=False)
    if wrong:
        raise typer.Exit(1)


@app.command()
def check(profile: ProfileName) -> None:
    """Ask a server what it can do, and say what will not work and why. Nothing is exported."""
    from pipelines.catalogue.profiles import find_profile, load_profile
    from pipelines.clients.bulk import examine
    from pipelines.logs import logs_in

    settings = Settings()
    with logs_in(settings.zones.create()):
        answers = examine(load_profile(find_profile(profile, settings.profiles_folder)))
    for answer in answers:
        style = {"ok": "green", "note": "yellow", "wrong": "red"}[answer.verdict]
        out.print(f"[{style}]{answer.verdict:>5}[/]  ", end="")
        out.print(f"{answer.subject}: {answer.text}", markup=False)
    if any(answer.verdict == "wrong" for answer in answers):
        raise typer.Exit(1)


def fhir_export(
    profile: Annotated[str, typer.Option(help="Name of a profile, or a path to one.")],
    group: Annotated[
        list[str] | None, typer.Option(help="Cohort shards; all of the profile by default.")
    ] = None,
    since: Annotated[
        bool, typer.Option("--since", help="Only what has changed since the last export.")
    ] = False,
    to: Annotated[Path | None, typer.Option("--out", help="Another inbox than the zone's.")] = None,
    patience: Annotated[
        float | None,
        typer.Option(
            min=0, help="Minutes to wait for the server; then exit with 3, and the job is kept."
        ),
    ] = None,
    accept_drop: Annotated[
        bool,
        typer.Option("--accept-drop", help="Far fewer resources than last time are right."),
    ] = False,
) -> None:
    """Export from a FHIR server into the inbox, shard by shard.

    Goes on with an export that was killed or given up. Exits with 1 when a shard did not become a
    delivery, and with 3 when the server is still at work.
    """
    from pipelines.catalogue.profiles import find_profile, load_profile, refuse_unknown_cohorts
    from pipelines.clients.bulk import ExportError, NotReadyError, Options, run_export
    from pipelines.logs import logs_in

    settings = Settings()
    zones = settings.zones.create()
    chosen = load_profile(find_profile(profile, settings.profiles_folder))
    shards = [chosen.shard(name) for name in group] if group else chosen.site.groups or [None]
    if to is None:
        # Elsewhere somebody else takes them in, by a catalogue of their own.
        refuse_unknown_cohorts(chosen, [shard.name for shard in shards if shard is not None])
    else:
        make_folder(to)
    failed = waiting = False
    with logs_in(zones):
        for shard in shards:
            name = None if shard is None else shard.name
            with Display(name or chosen.site.level) as display:
                options = Options(
                    inbox=to,
                    patience_seconds=None if patience is None else patience * 60,
                    accept_drop=accept_drop,
                    progress=display.tell,
                )
                try:
                    exported = run_export(
                        chosen, zones, shard=name, since_last=since, options=options
                    )
                except NotReadyError as error:
                    waiting = True
                    display.end(str(error), "yellow")
                except ExportError as error:
                    failed = True
                    display.end(str(error), "red")
                else:
                    display.end(_told(exported), None)
    if failed or waiting:
        raise typer.Exit(1 if failed else NOT_READY)


def _told(exported: Exported) -> str:
    rows = ", ".join(f"{entity} {number}" for entity, number in exported.rows.items())
    lines = [f"{exported.delivery}: {exported.kind}, {rows}"]
    if not exported.new:
        lines.append("The same delivery was there already.")
    if exported.dropped:
        lines.append(f"{exported.dropped} lines repeated others and were left out.")
    if exported.remarks:
        told = ", ".join(f"{what} {number}" for what, number in sorted(exported.remarks.items()))
        lines.append(f"The server remarks: {told}")
    if exported.deleted_at_server is False:
        lines.append("The job could not be deleted at the server; see that it is.")
    return "\n".join(lines)


class Display:
    """What a person at a terminal sees of one shard.

    Args:
        title: Name of the shard.
    """

    def __init__(self, title: str) -> None:
        # Events come from several threads.
        self._lock = threading.Lock()
        self._files = self._bytes = self._rows = 0
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True, highlight=False),
            transient=True,
        )
        self._title = title
        self._task = self._progress.add_task(title, total=None, said="asking")

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, event: Event) -> None:
        """Show an event."""
        with self._lock:
            if event.step == "fetching":
                self._progress.update(self._task, total=event.files)
            elif event.step == "fetched":
                self._bytes += event.bytes
                self._rows += event.rows
                self._files += event.whole
            self._progress.update(self._task, completed=self._files, said=self._said(event))

    def end(self, text: str, style: str | None) -> None:
        """Stop, and say what became of it."""
        self._progress.stop()
        out.print(f"{self._title}: {text}", style=style, markup=False)

    def _said(self, event: Event) -> str:
        if event.step == "waiting":
            return f"{event.said or 'the server is at work'}; asking again in " + _span(
                event.wait_seconds
            )
        if event.step == "fetched":
            return f"{self._bytes / 1e6:.1f} MB, {self._rows} lines"
        return event.step


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
