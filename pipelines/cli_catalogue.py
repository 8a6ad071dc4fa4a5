"""The commands ``folkepuls explain`` and ``folkepuls catalogue``.

Belongs here: how they are typed and printed. Does not belong here: what they do
(``pipelines.explain``, ``pipelines.catalogue``). Only what is published is printed as a figure.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.syntax import Syntax

from pipelines.settings import ROOT, Settings

if TYPE_CHECKING:
    import polars as pl

    from pipelines.catalogue.definition import Change
    from pipelines.explain import Explanation

app = typer.Typer(no_args_is_help=True, help="Definitions: what has changed, and new ones.")
console = Console(highlight=False, soft_wrap=True, markup=False)
SPLITS = ("sex", "age_group", "breakdown_value")
SPECS = ROOT / "tests" / "spec" / "indicators"


class In(StrEnum):
    """Languages of the catalogue's texts."""

    nb = "nb"
    nn = "nn"
    en = "en"


def explain(
    indicator: Annotated[str, typer.Argument(help="Id of an indicator.")],
    area: Annotated[str | None, typer.Argument(help="Area code, with a period.")] = None,
    period: Annotated[
        str | None,
        typer.Argument(
            help="A year (2024), month (2024-03), quarter (2024-Q2) or years together (2023-2025)."
        ),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Split by sex, age_group or a breakdown's id.")
    ] = None,
    language: Annotated[In, typer.Option(help="Language of the texts.")] = In.nb,
    sql: Annotated[bool, typer.Option("--sql/--no-sql", help="Print the SQL.")] = True,
) -> None:
    """What stands behind a figure: definition, SQL, lineage, and where each caveat comes from.

    With an area and a period, the published figure too.
    """
    from pipelines.catalogue.loader import catalogue
    from pipelines.explain import explain as gather

    if (area is None) != (period is None):
        raise typer.BadParameter("give both AREA and PERIOD, or neither.")
    if by is not None and area is None:
        raise typer.BadParameter("--by splits the figure of an AREA and a PERIOD: give both.")
    found = gather(Settings(), catalogue(), indicator, language.value, area, period, by)
    _definition(found, language)
    if found.figures is not None:
        _figures(found.release_id, found.figures)
    if sql:
        for query in found.queries:
            told = "as the last run ran it" if query.ran else "as written; it has not run here yet"
            console.rule(f"{query.model} ({told})", align="left")
            console.print(Syntax(query.sql, "sql", background_color="default", word_wrap=True))
    console.rule("Where the rows come from", align="left")
    for step in found.lineage:
        console.print(f"{'  ' * step.depth}{step.name}  {step.description}".rstrip())
    console.rule("What must be known", align="left")
    for remark in found.remarks:
        console.print(f"- {remark.text}\n  [{remark.source}]")


def _definition(found: Explanation, language: In) -> None:
    entry, texts = found.indicator, found.indicator.texts[language.value]
    console.rule(f"{entry.id}, version {entry.version}", align="left")
    console.print(Markdown(f"**{texts.title}** ({texts.unit})"))
    for text in (texts.definition, texts.numerator, texts.denominator, texts.why):
        console.print(text, end="\n\n")
    facts = {
        "numerator": f"{entry.numerator.measure} ({entry.numerator.unit})",
        "denominator": f"{entry.denominator.measure} ({entry.denominator.unit})"
        + (", public" if entry.denominator.public else ""),
        "values": ", ".join(entry.value_kinds),
        "coverage": f"{entry.coverage.service}, shown from {entry.coverage.flagged:g}, "
        f"without a flag from {entry.coverage.full:g}",
        "policy": entry.policy,
        **{name: str(value) for name, value in entry.parameters.items()},
        **{
            name: ", ".join(f"{code.system} {code.prefix}" for code in codes)
            for name, codes in entry.code_sets.items()
        },
    }
    for name, value in facts.items():
        console.print(f"{name}: {value}")


def _figures(release_id: str | None, figures: pl.DataFrame) -> None:
    console.rule(f"Published in {release_id}", align="left")
    for row in figures.iter_rows(named=True):
        if row["value"] is None:
            told = f"no figure: {row['value_status']}"
        else:
            told = f"{row['value']:g} ({row['value_status']})"
            if row["lower_ci"] is not None:
                told += f", 95 % interval {row['lower_ci']:g} to {row['upper_ci']:g}"
            if row["numerator"] is not None:
                told += f", {row['numerator']:.10g} of {row['denominator']:.10g}"
        notes = [row["status_reason"], row["quality_flags"]]
        told += "".join(f", {note}" for note in notes if note)
        split = [row[name] for name in SPLITS if row[name] != "total"]
        console.print(f"{' '.join([*split, row['value_kind']])}: {told}")


@app.command("diff")
def diff(
    before: Annotated[
        Path | None,
        typer.Argument(
            metavar="BEFORE",
            help="A catalogue folder, or a release's folder. Without it: the current release.",
        ),
    ] = None,
) -> None:
    """How the definitions differ from those of a release, or of another catalogue.

    Exit code 1 where a definition changed and its version did not.
    """
    from pipelines.catalogue.definition import differences
    from pipelines.catalogue.loader import catalogue
    from pipelines.definitions_kept import definitions_in, definitions_of

    settings = Settings()
    then = definitions_in(before, settings.zones)
    changes = differences(then, definitions_of(catalogue()))
    for change in changes:
        _told(change)
    if not changes:
        console.print("No definition differs.")
    if any(change.kind == "changed" for change in changes):
        raise typer.Exit(1)


def _told(change: Change) -> None:
    old, new = change.versions
    heads = {
        "added": f"new, version {new}",
        "removed": f"gone, was version {old}",
        "new_version": f"version {old} is now version {new}",
        "changed": f"changed, and still version {new}: give it version {(new or 0) + 1}",
    }
    console.print(f"{change.indicator_id}: {heads[change.kind]}")
    for key, was, now in change.keys:
        console.print(f"  {key}: {was} -> {now}")


@app.command("new")
def new(
    indicator: Annotated[str, typer.Argument(help="Its id: what it is, in small letters.")],
    like: Annotated[str, typer.Option(help="The indicator that it resembles most.")],
    number: Annotated[int, typer.Option(min=1, help="Its number in the table of indicators.")],
    catalogue_folder: Annotated[
        Path | None, typer.Option("--catalogue", help="Catalogue folder, if not the project's.")
    ] = None,
    specs: Annotated[
        Path | None, typer.Option(help="Folder of the expected-result specs, if not the project's.")
    ] = None,
) -> None:
    """Begin a new indicator: its file and the frame of its spec, every text still open."""
    from pipelines.catalogue.loader import HERE, CatalogueError, load
    from pipelines.catalogue.scaffold import scaffold, scaffold_spec

    folder = catalogue_folder or HERE
    file = folder / "indicators" / f"{indicator}.yml"
    spec = (specs or SPECS) / f"{indicator}.yml"
    for path in (file, spec):
        if not path.parent.is_dir():
            raise CatalogueError(f"{path.parent}: expected a folder; name another one.")
        if path.exists():
            raise CatalogueError(f"{path}: is there already, and is left as it is.")
    known = load(folder).indicators
    if like not in known:
        raise CatalogueError(f"--like {like!r}: expected one of {', '.join(known)}")
    texts = {
        file: scaffold(known[like], indicator, number),
        spec: scaffold_spec(indicator, range(2024, 2025)),
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        console.print(str(path))
    console.print("Fill in what begins with TODO: docs/how-to/add-an-indicator.md says how.")
