"""The microdata door by hand: from a file to an anonymised file that was checked as written.

Belongs here: reading tables, writing what the door makes, measuring it again from its bytes before
it gets its name, and the report beside it. Does not belong here: how the table is made
(``anonymization``), how it is typed and printed (``cli_microdata``).

CSV columns are read as text, so that codes keep their leading zeros.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from anonymization.microdata import Anonymized, anonymize
from anonymization.policies import MicrodataPolicy
from anonymization.risk import RiskReport, assess
from anonymization.verdict import violations
from pipelines.publication.microdata_policy import read_policy
from pipelines.settings import atomic_write

FORMATS: Final = (".parquet", ".csv")
PERSONAL: Final = (
    "k-anonymous, not anonymous: personal data in law. For local use under agreement and for the "
    "purpose it names."
)


class MicrodataFileError(ValueError):
    """A file cannot be read, or what was written does not hold to its policy."""


@dataclass(frozen=True)
class Made:
    """What was written.

    Attributes:
        table: The anonymised table.
        report: The report beside it, as JSON.
        suppressed: Row numbers of the records left out, from 0, as CSV.
        anonymized: The table with its levels and loss.
        before: Risk of the table given.
        after: Risk of the table written, measured from its bytes.
    """

    table: Path
    report: Path
    suppressed: Path
    anonymized: Anonymized
    before: RiskReport
    after: RiskReport


def read_table(path: Path, separator: str = ",") -> pl.DataFrame:
    """Read a table.

    Args:
        path: A .parquet or .csv file.
        separator: Between the fields of a CSV file.

    Returns:
        The table; columns of a CSV file are text.

    Raises:
        MicrodataFileError: If it cannot be read.
    """
    if path.suffix not in FORMATS:
        raise MicrodataFileError(
            f"{path.name}: expected a name that ends in {' or '.join(FORMATS)}."
        )
    return _read(path, path.suffix, path.name, separator)


def read_population(path: Path, separator: str = ",") -> pl.DataFrame:
    """Read a public population.

    Args:
        path: A .parquet or .csv file with a column ``persons``.
        separator: Between the fields of a CSV file.

    Returns:
        The table, with whole numbers of persons.

    Raises:
        MicrodataFileError: If it cannot be read, or ``persons`` is missing or holds anything else.
    """
    people = read_table(path, separator)
    if "persons" not in people.columns:
        raise MicrodataFileError(f"{path.name}: lacks the column persons. Add the counts.")
    persons = people["persons"].cast(pl.Int64, strict=False)
    unfit = persons.null_count() + int((persons < 0).sum())
    if unfit:
        raise MicrodataFileError(
            f"{path.name}: persons holds no whole number in {unfit} of {people.height} rows. Mend "
            "them."
        )
    return people.with_columns(persons)


def _read(path: Path, form: str, name: str, separator: str) -> pl.DataFrame:
    try:
        if form == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, separator=separator, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError):
        # The cause may repeat a line of the file.
        raise MicrodataFileError(
            f"{name}: cannot be read as {form[1:]}. Is it there, whole, in UTF-8, and is "
            f"{separator!r} what separates fields?"
        ) from None


def anonymize_file(
    source: Path,
    policy: Path,
    folder: Path,
    *,
    separator: str = ",",
    tell: Callable[[str], None] = lambda stage: None,
) -> Made:
    """Anonymise a file and write table, report and the rows left out.

    The table gets its name only after it was read back and held to the policy.

    Args:
        source: A .parquet or .csv file, one record per person.
        policy: The policy's YAML file.
        folder: Where to; the table has the source's name and format.
        separator: Between the fields of a CSV file.
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
    rules = read_policy(policy)
    target = folder / source.name
    if target.resolve() == source.resolve():
        raise MicrodataFileError(f"{source.name}: --out is its own folder. Name another.")
    tell("Reading")
    frame = read_table(source, separator)
    tell("Searching for the least loss")
    made = anonymize(frame, rules)
    tell("Measuring the table given")
    before = measured(frame, rules)
    tell("Writing, and measuring what was written")
    with atomic_write(target) as path:
        if source.suffix == ".parquet":
            made.table.write_parquet(path)
        else:
            made.table.write_csv(path, separator=separator)
        after = measured(_read(path, source.suffix, target.name, separator), rules, frame)
        _hold(after, rules, made)
        content = _digest(path)
    result = Made(
        target,
        folder / f"{source.stem}.report.json",
        folder / f"{source.stem}.suppressed.csv",
        made,
        before,
        after,
    )
    with atomic_write(result.suppressed) as path:
        made.suppressed_rows.to_frame().write_csv(path)
    with atomic_write(result.report) as path:
        report = _report(result, rules, {"input": _digest(source), "policy": _digest(policy)})
        report["sha256"]["output"] = content
        path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return result


def measured(
    frame: pl.DataFrame, policy: MicrodataPolicy, reference: pl.DataFrame | None = None
) -> RiskReport:
    """Measure a table by what a policy names.

    Args:
        frame: The table.
        policy: Names the columns, distances and l.
        reference: The table it was made from.
    """
    names = [attribute.name for attribute in policy.quasi_identifiers]
    return assess(frame, names, policy.sensitive, reference=reference, threshold=1 / policy.k)


def _hold(after: RiskReport, policy: MicrodataPolicy, made: Anonymized) -> None:
    found = violations(after, policy)
    if after.records != made.table.height:
        found.append(f"{after.records} records were read back of {made.table.height} written.")
    if found:
        raise MicrodataFileError(
            f"What was written does not hold to the policy and was deleted: {' '.join(found)} This "
            "is a defect: keep the input and tell the maintainers."
        )


def _report(made: Made, policy: MicrodataPolicy, digests: dict[str, str]) -> dict[str, Any]:
    report = made.anonymized.report
    return {
        "legal": PERSONAL,
        "policy": {
            "k": policy.k,
            "quasi_identifiers": [attribute.name for attribute in policy.quasi_identifiers],
            "sensitive": [attribute.name for attribute in policy.sensitive],
            "suppression_limit": policy.suppression_limit,
            "method": policy.method,
            "loss": policy.loss,
            "aggregate": policy.aggregate,
        },
        "levels": dict(made.anonymized.levels),
        "loss": made.anonymized.loss,
        "loss_by_attribute": dict(report.loss_by_attribute),
        "records": report.records,
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
