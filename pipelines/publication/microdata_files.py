"""The microdata door by hand: from a file to an anonymised file that was checked as written.

Belongs here: writing what the door makes, measuring it again from its bytes before it gets its
name, and the report beside it. Does not belong here: reading (``microdata_source``), how the table
is made (``anonymization``), how it is typed and printed (``cli_microdata``).

A file may be larger than memory: it is counted in DuckDB, and recoded as it streams from one file
to the other, in its order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from anonymization.grouping import Source
from anonymization.lattice import Progress
from anonymization.microdata import Solved, solve
from anonymization.policies import MicrodataPolicy
from anonymization.risk import RiskReport, assess
from anonymization.verdict import violations
from pipelines.catalogue.model import Language
from pipelines.publication.microdata_policy import demands, read_policy
from pipelines.publication.microdata_report import Subject, report_page
from pipelines.publication.microdata_source import (
    FORMATS,
    MicrodataFileError,
    TableFile,
    check_format,
    opened,
    read_population,
    read_table,
    scanned,
)
from pipelines.settings import atomic_write

PERSONAL: Final = (
    "k-anonymous, not anonymous: personal data in law. For local use under agreement and for the "
    "purpose it names."
)


_ROW: Final = "\0row"
"""No column of a file is called so."""


@dataclass(frozen=True)
class PageWords:
    """What only the one who makes a table can say of it, for the page beside it.

    Attributes:
        language: Of the page: nb, nn or en.
        agreement: Under which the table may be used; empty when not stated.
        purpose: What it may be used for; empty when not stated.
    """

    language: Language = "nb"
    agreement: str = ""
    purpose: str = ""


@dataclass(frozen=True)
class Made:
    """What was written.

    Attributes:
        table: The anonymised table.
        report: The report beside it, as JSON.
        page: The same for people to read, as HTML.
        suppressed: Row numbers of the records left out, from 0, as CSV.
        population: The population recoded like the table; none where the policy asks for none.
        policy: What the table holds to.
        solved: Levels, loss and evidence.
        before: Risk of the table given.
        after: Risk of the table written, measured from its bytes.
    """

    table: Path
    report: Path
    page: Path
    suppressed: Path
    population: Path | None
    policy: MicrodataPolicy
    solved: Solved
    before: RiskReport
    after: RiskReport


def anonymize_file(
    source: Path,
    policy: Path,
    folder: Path,
    *,
    population: Path | None = None,
    spill: Path | None = None,
    separator: str = ",",
    words: PageWords = PageWords(),
    tell: Callable[[str], None] = lambda stage: None,
) -> Made:
    """Anonymise a file and write table, report and the rows left out.

    The table gets its name only after it was read back and held to the policy.

    Args:
        source: A .parquet or .csv file, one record per person, or several where the policy names
            the column that tells persons apart.
        policy: The policy's YAML file.
        folder: Where to; the table has the source's name and format.
        population: A .parquet or .csv file with the policy's quasi-identifiers and ``persons``,
            where the policy asks about the population.
        spill: Folder for what outgrows memory, in a zone that may hold the source; its own folder
            by default.
        separator: Between the fields of CSV files.
        words: Of the page beside the table.
        tell: Hears of each stage.

    Returns:
        What was written.

    Raises:
        MicrodataFileError: If the source cannot be read, would be written over, or what was
            written does not hold.
        PolicyError: If the policy cannot be read or contradicts itself.
        HierarchyError: If a hierarchy is none, or does not cover its column.
        ColumnError: If a column of the policy is missing or unfit.
        NoSolutionError: If no generalisation holds.
    """
    check_format(source)
    rules = read_policy(policy)
    target = folder / source.name
    if target.resolve() == source.resolve():
        raise MicrodataFileError(f"{source.name}: --out is its own folder. Name another.")
    twins = [target.with_suffix(form).name for form in FORMATS if form != target.suffix]
    if there := [name for name in twins if (folder / name).exists()]:
        raise MicrodataFileError(
            f"{source.name}: --out holds {there[0]}, whose report has the name that this one would "
            "get. Name another folder."
        )
    tell("Reading")
    with opened(source, separator, spill) as given:
        schema = {qi.name: given.schema.get(qi.name) for qi in rules.quasi_identifiers}
        known = {name: kind for name, kind in schema.items() if kind is not None}
        people = read_population(population, separator, known) if population else None
        tell("Searching for the least loss")

        def searched(so_far: Progress) -> None:
            tell(f"Searching for the least loss: {so_far.left_open} of {so_far.nodes} nodes left")

        solved = solve(given, rules, people, progress=searched)
        tell("Measuring the table given")
        before = measured(given, rules, population=people)
        tell("Writing, and measuring what was written")
        with atomic_write(target) as path:
            gone = write(given, rules, solved, path, separator)
            after = _measured_as_written(path, given, rules, solved, gone, separator)
            content = _digest(path)
    result = Made(
        table=target,
        report=folder / f"{source.stem}.report.json",
        page=folder / f"{source.stem}.report.html",
        suppressed=folder / f"{source.stem}.suppressed.csv",
        population=folder / f"{source.stem}.population{source.suffix}"
        if people is not None
        else None,
        policy=rules,
        solved=solved,
        before=before,
        after=after,
    )
    with atomic_write(result.suppressed) as path:
        gone.to_frame().write_csv(path)
    if result.population is not None and solved.population is not None:
        with atomic_write(result.population) as path:
            _write_frame(solved.population, path, source.suffix, separator)
    with atomic_write(result.page) as path:
        path.write_text(_page(source.name, rules, result, words), encoding="utf-8")
    with atomic_write(result.report) as path:
        digests = {"input": _digest(source), "policy": _digest(policy), "output": content}
        report = _report(result, demands(policy), words, digests)
        path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return result


def _page(name: str, rules: MicrodataPolicy, made: Made, words: PageWords) -> str:
    subject = Subject(
        name=name,
        quasi_identifiers=tuple(qi.name for qi in rules.quasi_identifiers),
        given=made.before,
        policy=rules,
        made=made.solved,
        written=made.after,
        counts_persons=rules.person is not None,
        agreement=words.agreement,
        purpose=words.purpose,
    )
    return report_page(subject, words.language)


def measured(
    table: pl.LazyFrame | Source,
    policy: MicrodataPolicy,
    reference: Source | None = None,
    population: pl.DataFrame | None = None,
) -> RiskReport:
    """Measure a table by what a policy names.

    Args:
        table: The table; with the column that tells persons apart, where the policy names one.
        policy: Names the columns, distances and l.
        reference: The table it was made from.
        population: The population, by the same labels.
    """
    names = [attribute.name for attribute in policy.quasi_identifiers]
    return assess(
        table,
        names,
        policy.sensitive,
        unit=policy.person,
        reference=reference,
        population=population,
        threshold=1 / policy.k,
    )


def with_persons(
    table: pl.LazyFrame, given: pl.LazyFrame, person: str, gone: pl.Series
) -> pl.LazyFrame:
    """A table with the persons of its rows, told by the table it was made from.

    Args:
        table: The table made, in the order of the one given.
        given: The table it was made from.
        person: The column that tells persons apart.
        gone: Rows of the table given that were left out, from 0.
    """
    rows = (
        given.select(person).with_row_index("__row").filter(~pl.col("__row").is_in(gone.implode()))
    )
    return pl.concat([table, rows.select(person)], how="horizontal")


def persons_from(table: TableFile, given: TableFile, person: str, suppressed: Path) -> pl.LazyFrame:
    """A written table with the persons of its rows, for a check at any later time.

    Args:
        table: The table made.
        given: The table it was made from.
        person: The column that tells persons apart.
        suppressed: The list of rows left out, as written beside the table.

    Raises:
        MicrodataFileError: If the three do not fit each other.
    """
    listed = read_table(suppressed)
    if listed.columns != ["row"] or listed["row"].cast(pl.UInt32, strict=False).null_count():
        raise MicrodataFileError(f"{suppressed.name}: is no list of rows that were left out.")
    gone = listed["row"].cast(pl.UInt32)
    if table.records + gone.len() != given.records:
        raise MicrodataFileError(
            f"{suppressed.name}: {table.records} rows and {gone.len()} left out are not the "
            f"{given.records} of the reference. Name those that belong together."
        )
    return with_persons(table.rows, given.rows, person, gone)


def write(
    given: TableFile, policy: MicrodataPolicy, solved: Solved, path: Path, separator: str
) -> pl.Series:
    """Recode a table into a file.

    Args:
        given: The table.
        policy: The policy.
        solved: How it is recoded.
        path: Where to, in the format the table was read in.
        separator: Between the fields of a CSV file.

    Returns:
        The rows left out, from 0, ascending.

    Raises:
        MicrodataFileError: If the file cannot be written, or the table was changed meanwhile.
    """
    gone: list[pl.Series] = []

    def recode(rows: pl.DataFrame) -> pl.DataFrame:
        table, stays = solved.recode(rows, policy)
        gone.append(rows[_ROW].filter(pl.Series(~stays)))
        return table

    rows = given.rows.select(policy.columns).with_row_index(_ROW)
    schema = solved.recode(rows.head(0).collect(), policy)[0].schema
    recoded = rows.map_batches(recode, streamable=True, schema=schema)
    try:
        if given.form == ".parquet":
            recoded.sink_parquet(path, metadata={"folkepuls.legal": PERSONAL})
        else:
            recoded.sink_csv(path, separator=separator)
    except (OSError, pl.exceptions.PolarsError):
        # The cause may repeat values.
        raise MicrodataFileError(
            f"{given.name}: cannot be recoded into {path.parent}. Was it changed meanwhile, "
            "or is there no room? Start again."
        ) from None
    return pl.concat([pl.Series("row", [], dtype=pl.UInt32), *gone]).alias("row").sort()


def _write_frame(table: pl.DataFrame, path: Path, form: str, separator: str) -> None:
    if form == ".parquet":
        table.write_parquet(path)
    else:
        table.write_csv(path, separator=separator)


def _measured_as_written(
    path: Path,
    given: TableFile,
    policy: MicrodataPolicy,
    solved: Solved,
    gone: pl.Series,
    separator: str,
) -> RiskReport:
    """Measure the bytes, and refuse them if they do not hold."""
    written = scanned(path, given.form, separator)
    records = int(written.select(pl.len()).collect().item())
    expected = given.records - solved.suppressed
    if records != expected or gone.len() != solved.suppressed:
        raise _defect([f"{records} records were read back, and {expected} were to be written."])
    if policy.person is not None:
        written = with_persons(written, given.rows, policy.person, gone)
    report = measured(written, policy, given, solved.population)
    if found := violations(report, policy):
        raise _defect(found)
    return report


def _defect(found: list[str]) -> MicrodataFileError:
    return MicrodataFileError(
        f"What was written does not hold to the policy and was deleted: {' '.join(found)} This is "
        "a defect: keep the input and tell the maintainers."
    )


def _report(
    made: Made, asked: dict[str, Any], words: PageWords, digests: dict[str, str]
) -> dict[str, Any]:
    report = made.solved.report
    return {
        "legal": PERSONAL,
        "agreement": words.agreement or None,
        "purpose": words.purpose or None,
        "policy": asked,
        "levels": dict(made.solved.levels),
        "loss": made.solved.loss,
        "loss_by_attribute": dict(report.loss_by_attribute),
        "records": report.records,
        "persons": report.persons,
        "suppressed": report.suppressed,
        "dropped_columns": list(report.dropped_columns),
        "certificate": asdict(report.evidence),
        "before": as_json(made.before),
        "after": as_json(made.after),
        "sha256": digests,
    }


def as_json(report: RiskReport) -> dict[str, Any]:
    """A report of risk as plain values; an infinite bound becomes null.

    Args:
        report: The report.
    """
    plain = {
        name: getattr(report, name)
        for name in report.__dataclass_fields__
        if name not in ("sensitive", "class_sizes")
    }
    plain["sensitive"] = {name: _finite(asdict(d)) for name, d in report.sensitive.items()}
    plain["class_sizes"] = report.class_sizes.to_dicts()
    return plain


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value == float("inf") else value for name, value in values.items()}


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
