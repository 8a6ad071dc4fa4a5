"""The ``folkepuls assess`` and ``folkepuls anonymize`` commands: the microdata door by hand.

Belongs here: how they are typed and printed. Does not belong here: what they do
(``pipelines.publication.microdata_files``). Printed are columns and counts, never a value.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import polars as pl

    from anonymization.grouping import Source
    from anonymization.intervals import PartitionEvidence
    from anonymization.lattice import Evidence
    from anonymization.microdata import Solved
    from anonymization.policies import MicrodataPolicy, SensitiveAttribute
    from anonymization.risk import RiskReport

# Columns may be called [anything]: nothing here is markup.
console = Console(highlight=False, soft_wrap=True, markup=False)


def _separator(text: str) -> str:
    """One character, or a tab as shells hand it over: a backslash and a t."""
    told = "\t" if text == "\\t" else text
    if len(told.encode()) != 1 or told in '"\r\n':
        raise typer.BadParameter(
            f"expected one ASCII character that is no quote or end of line, got {text!r}."
        )
    return told


Separator = Annotated[
    str, typer.Option(help="Between the fields of a CSV file.", callback=_separator)
]
Language = Annotated[Literal["nb", "nn", "en"], typer.Option(help="Of the page.")]
Agreement = Annotated[
    str, typer.Option(help="Agreement under which the table may be used; told on the page.")
]
Purpose = Annotated[str, typer.Option(help="What the table may be used for; told on the page.")]
Spill = Annotated[
    Path | None,
    typer.Option(
        help="Folder, in a zone that may hold the table, for what outgrows memory. By default the "
        "table's own; what is put there is removed.",
    ),
]


def assess(
    file: Annotated[Path, typer.Argument(help="The table: .parquet or .csv.")],
    quasi_identifier: Annotated[
        list[str] | None,
        typer.Option("--quasi-identifier", "-q", help="Column somebody could recognise one by."),
    ] = None,
    sensitive: Annotated[
        list[str] | None,
        typer.Option("--sensitive", "-s", help="Column that nobody should learn of a person."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="Take the columns from a policy and tell whether the table holds to it."),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(help="The table it was made from, whose distribution closeness is held to."),
    ] = None,
    person: Annotated[
        str | None,
        typer.Option(help="Column that tells persons apart: they are counted, not rows."),
    ] = None,
    suppressed: Annotated[
        Path | None,
        typer.Option(help="Rows left out of the reference, which then tells whose the rows are."),
    ] = None,
    population: Annotated[
        Path | None,
        typer.Option(help="The public population by the same columns, with a column persons."),
    ] = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Risk above which a record counts as at risk.")
    ] = 0.2,
    separator: Separator = ",",
    spill: Spill = None,
    out: Annotated[Path | None, typer.Option(help="Write the whole report here, as JSON.")] = None,
    page: Annotated[
        Path | None, typer.Option(help="Write a page for people to read here, as HTML.")
    ] = None,
    language: Language = "nb",
    agreement: Agreement = "",
    purpose: Purpose = "",
) -> None:
    """Measure how far persons in a table can be recognised.

    With a policy the exit code is 1 when the table does not hold to it.
    """
    from contextlib import ExitStack

    from anonymization.risk import assess as run
    from anonymization.verdict import violations
    from pipelines.publication.microdata_files import as_json, persons_from
    from pipelines.publication.microdata_policy import read_policy
    from pipelines.publication.microdata_source import opened, read_population
    from pipelines.settings import atomic_write

    rules = read_policy(policy) if policy else None
    names, attributes = _columns(rules, quasi_identifier or [], sensitive or [])
    person = person or (rules.person if rules else None)
    _can_be_judged(rules, reference, population)
    with ExitStack() as files:
        table = files.enter_context(opened(file, separator, spill))
        whole = files.enter_context(opened(reference, separator, spill)) if reference else None
        people = (
            read_population(population, separator, table.schema) if population is not None else None
        )
        if suppressed is not None:
            if whole is None or person is None:
                raise typer.BadParameter("--suppressed goes with --reference and a person column.")
            rows: pl.LazyFrame | Source = persons_from(table, whole, person, suppressed)
        else:
            rows = table
        report = run(
            rows,
            names,
            attributes,
            unit=person,
            population=people,
            reference=whole,
            threshold=threshold,
        )
    _tell({file.name: report}, "rows" if person is None else "persons, by class")
    if out is not None:
        with atomic_write(out) as path:
            path.write_text(
                json.dumps(as_json(report), indent=2, ensure_ascii=False), encoding="utf-8"
            )
    if page is not None:
        from pipelines.publication.microdata_report import Subject, report_page

        subject = Subject(
            file.name,
            tuple(names),
            report,
            policy=rules,
            counts_persons=person is not None,
            agreement=agreement,
            purpose=purpose,
        )
        with atomic_write(page) as path:
            path.write_text(report_page(subject, language), encoding="utf-8")
    broken = violations(report, rules) if rules else []
    for sentence in broken:
        console.print(f"  {sentence}")
    if broken:
        raise typer.Exit(1)


def anonymize(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="The table: .parquet or .csv.")],
    policy: Annotated[Path, typer.Option(help="What it must hold to, as YAML.")],
    out: Annotated[Path, typer.Option(help="Folder for the table and its report.")],
    population: Annotated[
        Path | None,
        typer.Option(
            help="The public population by the policy's columns, with a column persons, for k_map "
            "and presence.",
        ),
    ] = None,
    language: Language = "nb",
    agreement: Agreement = "",
    purpose: Purpose = "",
    separator: Separator = ",",
    spill: Spill = None,
) -> None:
    """Generalise a table as little as possible so that it holds to a policy.

    Beside it lie a page for people to read (HTML, pictures included), the same as JSON, and the
    numbers of the rows left out. A Parquet table may be larger than memory. What is written is
    k-anonymous, not anonymous: it stays personal data in law.
    """
    from pipelines.publication.microdata_files import PageWords, anonymize_file

    with console.status("Reading the policy") as status:
        made = anonymize_file(
            source,
            policy,
            out,
            population=population,
            spill=spill,
            separator=separator,
            words=PageWords(language, agreement, purpose),
            tell=status.update,
        )
    counted = "rows" if made.policy.person is None else "persons, by class"
    _tell({"given": made.before, "written": made.after}, counted)
    levels = Table(box=None)
    for heading in ("quasi-identifier", "level", "lost"):
        levels.add_column(heading, overflow="fold")
    for name, lost in made.solved.report.loss_by_attribute.items():
        levels.add_row(name, _level(made.solved, name), f"{lost:.1%}")
    console.print(levels)
    console.print(f"  Loss {made.solved.loss:.6g}.")
    for line in _certificate(made.solved.report.evidence):
        console.print(f"  {line}")
    console.print(f"  Rows left out: {made.solved.suppressed}.")
    if made.solved.report.missing == "unmatched":
        console.print("  A record without a value matched nobody, unless the value was *.")
    beside = [
        made.page,
        made.report,
        made.suppressed,
        *([made.population] if made.population else []),
    ]
    console.print(f"  {made.table}, {', '.join(path.name for path in beside)}")


def _level(solved: Solved, name: str) -> str:
    from anonymization.lattice import Evidence

    if isinstance(solved.report.evidence, Evidence):
        return str(solved.levels.get(name, "by class"))
    return "intervals by group" if solved.report.loss_by_attribute[name] else "as it was"


def _certificate(sure: Evidence | PartitionEvidence) -> list[str]:
    from anonymization.lattice import Evidence

    if isinstance(sure, Evidence):
        return [
            f"The best of {sure.nodes} nodes loses {sure.best_loss:.6g}, proven:",
            f"Looked at: {sure.checked}. Ruled out: the rest.",
        ]
    return [
        f"The best of all partitions, by {sure.method}:",
        f"Parts: {sure.parts}, groups: {sure.groups}, bands of each: {sure.bands}. "
        f"Groups without a partition, left out: {sure.groups_left_out}.",
    ]


def _columns(
    rules: MicrodataPolicy | None, quasi_identifiers: list[str], sensitive: list[str]
) -> tuple[list[str], list[str | SensitiveAttribute]]:
    if rules is not None:
        if quasi_identifiers or sensitive:
            raise typer.BadParameter("Name columns or a policy, not both.")
        return [qi.name for qi in rules.quasi_identifiers], [*rules.sensitive]
    if not quasi_identifiers:
        raise typer.BadParameter("Name columns by --quasi-identifier, or a --policy.")
    return quasi_identifiers, [*sensitive]


def _can_be_judged(
    rules: MicrodataPolicy | None, reference: Path | None, population: Path | None
) -> None:
    """A demand that cannot be measured is no demand that holds."""
    if rules is None:
        return
    close = [attribute.name for attribute in rules.sensitive if attribute.t is not None]
    if close and reference is None:
        raise typer.BadParameter(
            f"the policy asks how close classes are to the table given ({', '.join(close)}). Name "
            "that table by --reference."
        )
    if (rules.k_map is not None or rules.presence is not None) and population is None:
        raise typer.BadParameter(
            "the policy asks about the population. Name it, recoded like the table, by "
            "--population."
        )


def _tell(reports: dict[str, RiskReport], counted: str) -> None:
    table = Table(box=None)
    table.add_column("", overflow="fold")
    for name in reports:
        table.add_column(name, justify="right", overflow="fold")
    columns = [dict(_lines(report, counted)) for report in reports.values()]
    for heading in columns[0]:
        table.add_row(heading, *(column.get(heading, "") for column in columns))
    console.print(table)


def _lines(report: RiskReport, counted: str) -> list[tuple[str, str]]:
    lines = [
        (counted, str(report.records)),
        ("classes", str(report.classes)),
        ("k", _number(report.k)),
        ("unique", str(report.uniques)),
        ("highest risk", _share(report.prosecutor_max)),
        ("mean risk", _share(report.prosecutor_mean)),
        (f"risk above {report.threshold:.3g}", _share(report.at_risk)),
    ]
    if report.incomplete:
        lines.append(("without some quasi-identifier", str(report.incomplete)))
    if report.k_map is not None:
        lines.append(("k in the population", str(report.k_map)))
        lines.append(("least share of the population", _share(report.presence_min)))
        lines.append(("greatest share of the population", _share(report.presence_max)))
        lines.append(("highest risk by the population", _share(report.journalist_max)))
    for name, measured in report.sensitive.items():
        lines.append((f"{name}: values", _number(measured.distinct)))
        lines.append((f"{name}: effective values", _number(measured.entropy)))
        lines.append((f"{name}: c needed", _number(measured.recursive)))
        lines.append((f"{name}: t ({measured.distance})", _number(measured.t)))
    return lines


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"
