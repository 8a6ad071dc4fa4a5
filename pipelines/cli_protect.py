"""The ``folkepuls protect`` command: the table door by hand.

Belongs here: how it is typed and printed. Does not belong here: what it does
(``pipelines.publication.table_files``). Printed are counts of cells, never a cell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

# Files may be called [anything]: nothing here is markup.
console = Console(highlight=False, soft_wrap=True, markup=False)


def protect(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CELLS",
            help="Base cells: .parquet or .csv, a column per dimension and count.",
        ),
    ],
    hierarchies: Annotated[Path, typer.Option(help="What adds up to what, as YAML.")],
    policy: Annotated[Path, typer.Option(help="What is unsafe and how wide is safe, as YAML.")],
    out: Annotated[Path, typer.Option(help="Folder for the table and its papers.")],
    separator: Annotated[str, typer.Option(help="Between the fields of a CSV file.")] = ",",
) -> None:
    """Protect a table of counts with all its margins, and prove that it gives nothing away.

    What is written is audited again from its bytes before it gets its name.
    """
    from pipelines.publication.table_files import protect_file

    with console.status("Reading") as status:
        made = protect_file(
            source, hierarchies, policy, out, separator=separator, tell=status.update
        )
    found = made.verdict
    console.print(f"  {found.cells} cells, {found.hidden} hidden.")
    if made.merged:
        console.print(f"  {made.merged} of them are shown in a group.")
    console.print(f"  Audited as written: {found.recovered} of them can be narrowed down,")
    console.print(f"  {found.determined} can be computed.")
    console.print(f"  {made.table}, {made.certificate.name}")
    console.print(f"  For stewards only: {made.report.name}")
