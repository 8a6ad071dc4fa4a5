"""The ``folkepuls register`` commands: fetch the population register, and look at it.

Belongs here: how they are typed and printed. Does not belong here: fetching and keeping
(``pipelines.clients.population_register``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.settings import Settings, reference_dir

app = typer.Typer(
    no_args_is_help=True, help="The population register: residents by municipality, sex and age."
)
out = Console(highlight=False, soft_wrap=True)
_YEARS = re.compile(r"^(\d{4})(?:-(\d{4}))?$")


def years_of(text: str | None) -> range | None:
    """Years as they are typed: ``2024`` or ``2020-2026``; null means every one there is."""
    if text is None:
        return None
    found = _YEARS.match(text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if first > last:
        raise typer.BadParameter("--years: expected a year or two, as in 2020-2026")
    return range(first, last + 1)


@app.command()
def fetch(
    years: Annotated[
        str | None, typer.Option(help="As 2024 or 2020-2026; every year from 2020 by default.")
    ] = None,
    summed: Annotated[
        bool,
        typer.Option(
            "--summed/--plain",
            help="Ask for municipalities by the codelist that sums what they were made of.",
        ),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let years go that were fetched before.")
    ] = False,
) -> None:
    """Fetch table 07459 from Statistics Norway, in place of what was fetched before.

    Asks the network, and nothing else does unless a schedule was switched on for it. Figures are
    under CC BY 4.0: name the source where you show them.
    """
    from pipelines.clients.population_register import fetch_register, keep
    from pipelines.operations import one_at_a_time

    settings = Settings()
    zones = settings.zones.create()
    wanted = years_of(years)
    with one_at_a_time(zones):
        if wanted is not None and not replace:
            _refuse_to_lose(zones.register / "ssb", wanted)
        fetched = fetch_register(
            settings.population_register_url,
            reference_dir(),
            wanted,
            "summed" if summed else "plain",
            border_set=settings.border_set,
        )
        made = keep(zones.register / "ssb", fetched)
    replies = len(made.provenance.replies)
    out.print(f"Fetched {made.frame.height} rows in {replies} calls.", markup=False)
    if settings.population_register != "ssb":
        out.print("It is used when FOLKEPULS_POPULATION_REGISTER=ssb.")


def _refuse_to_lose(folder: Path, wanted: range) -> None:
    """Nobody means to let years go that a release may rest on by asking for another."""
    from pipelines.clients.population_register import RegisterError, kept

    there = kept(folder)
    years = set() if there is None else set(there.frame["on_date"].dt.year())
    if lost := sorted(years - set(wanted)):
        raise RegisterError(
            f"--years {wanted[0]}-{wanted[-1]} would put a register in place of one that also has "
            f"{', '.join(map(str, lost))}. Ask for all of them, or leave --years out; "
            "with --replace they are let go."
        )


@app.command()
def show() -> None:
    """What the configured register holds, and where it comes from; asks no network."""
    from pipelines.clients.population_register import chosen, totals, updated_text

    settings = Settings()
    choice = settings.population_register
    found = chosen(settings.zones, choice, synthetic_persons=None)
    if found is None and choice == "none":
        out.print("No population register is used (FOLKEPULS_POPULATION_REGISTER=none).")
        return
    if found is None:
        out.print(
            f"There is no register yet in {settings.zones.register / choice}, where "
            f"FOLKEPULS_POPULATION_REGISTER={choice} has it looked for. `folkepuls demo` and "
            "`folkepuls synth --register` write one."
        )
        return
    origin = found.provenance
    for name, text in (
        ("source", origin.source),
        ("table", origin.table or "none"),
        ("licence", origin.licence),
        ("updated", updated_text(origin.updated)),
        ("retrieved", updated_text(origin.retrieved_at)),
        ("synthetic", "yes: nobody in it exists" if origin.synthetic else "no"),
    ):
        out.print(f"{name:<10} {text}", markup=False)
    table = Table(box=None)
    for heading in ("1 January", "municipalities", "persons", "cells without a number"):
        table.add_column(heading, justify="right")
    for on, municipalities, persons, unknown in totals(found).iter_rows():
        table.add_row(str(on.year), str(municipalities), f"{persons:,}".replace(",", " "),
                      str(unknown))  # fmt: skip
    out.print(table)
