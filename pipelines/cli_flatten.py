"""The ``folkepuls flatten`` command: one ViewDefinition over files of resources, by hand.

Belongs here: how it is typed and printed. Does not belong here: what it does
(``pipelines.ingest.views``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.settings import Settings, make_folder

if TYPE_CHECKING:
    from pipelines.ingest.views import CompiledView

console = Console(highlight=False, soft_wrap=True)


def flatten(
    view: Annotated[Path, typer.Argument(help="The ViewDefinition, as JSON.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Resources, one a line: .ndjson, .ndjson.gz.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to: a name that ends in .parquet or .csv.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only tell what the view reads, and how.")
    ] = False,
    allow_unknown: Annotated[
        bool,
        typer.Option(
            "--allow-unknown",
            help="Read elements that FHIR R4 does not have (of another release, of one's own) as "
            "JSON, instead of refusing them; their columns must say their type.",
        ),
    ] = False,
) -> None:
    """Run one ViewDefinition (SQL on FHIR v2) over files of FHIR resources.

    Nothing passes a door here: the rows hold what the view names, as it was delivered.
    """
    from pipelines.ingest.views.flatten import FlattenError, flattenable
    from pipelines.ingest.views.flatten import flatten as run

    compiled = flattenable(_definition(view), allow_unknown)
    if check:
        _tell(compiled)
        return
    if out is None:
        raise FlattenError("Nowhere to write to. Say --out X.parquet or --out X.csv, or --check.")
    make_folder(out.parent)
    rows = run(compiled, files or [], out, threads=Settings().threads)
    console.print(f"  {out}: {rows} rows, {len(compiled.columns)} columns", markup=False)


def _definition(path: Path) -> dict[str, object]:
    from pipelines.ingest.views.flatten import FlattenError

    try:
        parsed = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise FlattenError(f"{path}: cannot be read. Name a ViewDefinition.") from None
    except ValueError:
        raise FlattenError(f"{path}: is no JSON. Name a ViewDefinition.") from None
    return parsed  # type: ignore[no-any-return]  # the compiler checks that it is an object


def _tell(view: CompiledView) -> None:
    from pipelines.ingest.views.flatten import reading

    way = reading(view)
    columns, elements = Table(box=None), Table(box=None)
    for heading in ("column", "type", "values"):
        columns.add_column(heading, overflow="fold")
    for column in view.columns:
        columns.add_row(column.name, column.type, "several" if column.collection else "one")
    for heading in (f"element of {view.resource}", "read as"):
        elements.add_column(heading, overflow="fold")
    for name, kind in way.columns.items():
        elements.add_row(name, kind)
    console.print(columns)
    console.print(elements)
    if way.fast:
        console.print("Fast path: every element is read as an explicit struct, in one pass.")
    if way.whole:
        console.print(f"Read as JSON, having no fixed type: {', '.join(way.whole)}.", markup=False)
    if view.unknown:
        console.print(f"Not in FHIR R4: {', '.join(view.unknown)}.", markup=False)
    if way.exact:
        console.print(
            f"Read line by line, to keep the digits of: {', '.join(way.exact)}.", markup=False
        )
