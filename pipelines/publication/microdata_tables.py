"""The analysis zone: each table made, written, measured from its bytes, and told about.

Belongs here: the files of one table in the three zones that know of it. Does not belong here: how
rows become k-anonymous (``anonymization.microdata_door``), reading the warehouse (``assets``).

Of a table ``t`` there are ``analysis/microdata/t.parquet`` and beside it ``t.json``, what an
analyst may know of it; ``steward/microdata/t.json``, with exact figures of risk and bias; and
``restricted/microdata/t.bias.parquet``, which together with the table would give the truth away.
The analysis zone is personal data in law: file and sidecar both say so, with agreement and purpose.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from anonymization.keys import Key
from anonymization.microdata import NoSolutionError
from anonymization.microdata_door import (
    ROW_KEY,
    YEAR,
    Destination,
    Passed,
    pass_microdata_door,
)
from anonymization.risk import RiskReport, assess
from anonymization.verdict import violations
from pipelines.catalogue.loader import Catalogue
from pipelines.publication.microdata_bias import Spread, indicator_bias, spread, summary
from pipelines.publication.microdata_files import PERSONAL, as_json
from pipelines.publication.microdata_rules import MicrodataTable
from pipelines.publication.steward_report import band
from pipelines.settings import Zones, atomic_write

LOCAL: Final = "local use only, until analysts sign in and a safe door out exists"
SMALL: Final = 5
"""Counts of persons from 1 up to, but not including, this are banded where analysts read."""
_METADATA: Final = "folkepuls."


class MicrodataDoorError(ValueError):
    """What was written does not hold to its policy."""


@dataclass(frozen=True)
class Restricted:
    """What the door reads of the restricted zone.

    Attributes:
        rows: One row per person and year, in the columns of the policies.
        population: Public persons by year, municipality, sex and age (``persons``), where a
            register is there.
        truth: Sums of measures, as ``indicator_bias`` takes them.
    """

    rows: pl.DataFrame
    population: pl.DataFrame | None
    truth: pl.DataFrame

    def of(self, table: MicrodataTable) -> pl.DataFrame:
        """The rows that a table is made from: those of years in which some class could hold.

        A year with fewer than k persons, or with fewer than l values of a sensitive attribute (a
        service that was not there yet), could only be left out. As a whole it is: the limit of
        suppression is for persons, and would be used up by it.

        Args:
            table: Says which they are.
        """
        rows = self._chosen(table)
        holds = pl.len() >= table.policy.k
        for attribute in table.policy.sensitive:
            holds &= pl.col(attribute.name).n_unique() >= attribute.l
        years = rows.group_by(YEAR).agg(holds=holds).filter("holds")[YEAR]
        return rows.filter(pl.col(YEAR).is_in(years.implode()))

    def years_left_out(self, table: MicrodataTable) -> list[int]:
        """The years of which a table has no rows.

        Args:
            table: The table.
        """
        there = self.of(table)[YEAR].unique()
        return sorted(set(self._chosen(table)[YEAR].unique()) - set(there))

    def _chosen(self, table: MicrodataTable) -> pl.DataFrame:
        only = table.rules.only
        return self.rows if only is None else self.rows.filter(pl.col(only))


def write_table(
    zones: Zones,
    table: MicrodataTable,
    given: Restricted,
    *,
    key: Key,
    release: str,
    entries: Catalogue,
) -> dict[str, Any]:
    """Make one table and write it with all that is told of it.

    The table gets its name only after it was read back and held to its policy.

    Args:
        zones: The zones.
        table: The table.
        given: What it is made from.
        key: Secret key of the pseudonyms.
        release: Name of the release.
        entries: The loaded catalogue.

    Returns:
        What stewards are told. Where nothing that keeps to the policy can be made, there is no
        table, ``made`` is false and ``why`` tells the reason.

    Raises:
        MicrodataDoorError: What was written does not hold; it is not kept.
    """
    rows = given.of(table)
    # By version: the same deliveries under a changed policy are another release of the table.
    destination = Destination(release, table.rules.recipient, table.version)
    try:
        passed = pass_microdata_door(rows, table.policy, destination, key=key)
    except NoSolutionError as error:
        return _tell(zones, table, release, {"made": False, "why": str(error)})
    if passed.table.is_empty():
        why = f"In no year are there k={table.policy.k} persons and l values of every attribute."
        return _tell(zones, table, release, {"made": False, "why": why})
    behind = spread(table, passed.labels, given.population)
    target = zones.microdata / f"{table.name}.parquet"
    with atomic_write(target) as path:
        passed.table.write_parquet(path, metadata=_key_values(labels(table, release)))
        risk, found = measured(path, table, rows, release)
        if found:
            raise MicrodataDoorError(
                f"{table.name}: what was written does not hold and is not kept. {' '.join(found)} "
                "This is a defect: keep the warehouse and tell the maintainers."
            )
        content = digest(path)
    bias = indicator_bias(table, passed.table, behind, given.truth, entries)
    titles = {
        entry.id: {language: text.short_title for language, text in entry.texts.items()}
        for entry in entries.indicators.values()
    }
    with atomic_write(zones.restricted / "microdata" / f"{table.name}.bias.parquet") as path:
        bias.write_parquet(path)
    outcome = {
        "made": True,
        "years_left_out": given.years_left_out(table),
        **_outcome(table, passed, risk),
        "population": _against_public(passed.table, behind),
        "bias": [{**one, "titles": titles[str(one["indicator_id"])]} for one in summary(bias)],
        "sha256": content,
    }
    return _tell(zones, table, release, outcome)


def _tell(
    zones: Zones, table: MicrodataTable, release: str, outcome: Mapping[str, Any]
) -> dict[str, Any]:
    """Write what stewards and analysts are told; of a table not made nothing else stays."""
    titles = {language: text.title for language, text in table.entry.texts.items()}
    terms = {"agreement": table.rules.agreement, "purpose": table.rules.purpose}
    told = {
        **labels(table, release),
        "titles": titles,
        "attribute_titles": table.rules.titles,
        "terms": terms,
        **outcome,
    }
    if not told["made"]:
        (zones.microdata / f"{table.name}.parquet").unlink(missing_ok=True)
        (zones.restricted / "microdata" / f"{table.name}.bias.parquet").unlink(missing_ok=True)
    _write_json(zones.steward / "microdata" / f"{table.name}.json", told)
    _write_json(zones.microdata / f"{table.name}.json", _for_analysts(told))
    return told


def labels(table: MicrodataTable, release: str) -> dict[str, str]:
    """What every copy of a table must say of itself.

    Args:
        table: The table.
        release: The release that it belongs to.
    """
    return {
        "table": table.name,
        "legal": PERSONAL,
        "use": LOCAL,
        "recipient": table.rules.recipient,
        "agreement": table.rules.agreement["en"],
        "purpose": table.rules.purpose["en"],
        "policy": table.version,
        "release": release,
    }


def measured(
    path: Path, table: MicrodataTable, rows: pl.DataFrame, release: str
) -> tuple[RiskReport, list[str]]:
    """Measure a written table by nothing but its bytes.

    Args:
        path: The Parquet file.
        table: What it must hold to.
        rows: What it was made from, which closeness is measured against.
        release: The release that it must name.

    Returns:
        Its risk, and what it does not hold to: one sentence each, of columns and numbers only.
    """
    written = pl.read_parquet(path)
    policy = table.policy
    wanted = [ROW_KEY, *policy.columns]
    if written.columns != wanted:
        odd = sorted(set(written.columns) ^ set(wanted))
        raise MicrodataDoorError(f"{table.name}: expected the policy's columns; differing: {odd}.")
    risk = assess(
        written,
        table.quasi_identifiers,
        policy.sensitive,
        reference=rows.select(a.name for a in policy.sensitive) if policy.sensitive else None,
        threshold=1 / policy.k,
    )
    found = violations(risk, policy)
    repeated = written.height - written[ROW_KEY].n_unique()
    if repeated or written[ROW_KEY].null_count():
        found.append(f"{repeated} pseudonyms are not a row's own.")
    said = pl.read_parquet_metadata(path)
    wrong = [
        name
        for name, value in _key_values(labels(table, release)).items()
        if said.get(name) != value
    ]
    if wrong:
        found.append(f"Its metadata do not say what they must of {', '.join(wrong)}.")
    return risk, found


def verify(zones: Zones, table: MicrodataTable, rows: pl.DataFrame, release: str) -> list[str]:
    """Hold a table that lies in the analysis zone to its policy, and its sidecar to the table.

    Args:
        zones: The zones.
        table: What it must hold to.
        rows: What it was made from.
        release: The release that it must name.

    Returns:
        What does not hold; empty when all does. Columns and numbers only.
    """
    path = zones.microdata / f"{table.name}.parquet"
    told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if not told["made"]:
        return ["There is a table that could not be made."] if path.exists() else []
    try:
        _, found = measured(path, table, rows, release)
    except MicrodataDoorError as error:
        found = [str(error)]
    if told["sha256"] != digest(path):
        found.append("The file is not the one that its sidecar tells of.")
    if any(told.get(name) != value for name, value in labels(table, release).items()):
        found.append("The sidecar does not say what it must.")
    return found


def digest(path: Path) -> str:
    """SHA-256 of a file.

    Args:
        path: The file.
    """
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def sweep(zones: Zones, names: Sequence[str]) -> None:
    """Remove the files of tables that no policy declares any more.

    Args:
        zones: The zones.
        names: The tables that there are.
    """
    for folder in (zones.microdata, zones.steward / "microdata", zones.restricted / "microdata"):
        for path in folder.glob("*"):
            if path.is_file() and path.name.split(".")[0] not in names:
                path.unlink()
    # Earlier versions kept a second copy of the person-years.
    (zones.analysis / "analysis.duckdb").unlink(missing_ok=True)


def _key_values(said: Mapping[str, str]) -> dict[str, str]:
    return {f"{_METADATA}{name}": value for name, value in said.items()}


def _outcome(table: MicrodataTable, passed: Passed, risk: RiskReport) -> dict[str, Any]:
    made = passed.anonymized
    measures = as_json(risk)
    sizes = measures.pop("class_sizes")
    return {
        "k_required": table.policy.k,
        "method": table.policy.method,
        "loss_measure": table.policy.loss,
        "quasi_identifiers": table.quasi_identifiers,
        "sensitive_attributes": [attribute.name for attribute in table.policy.sensitive],
        "records_given": made.report.records,
        "suppressed": made.suppressed,
        "loss": made.loss,
        "loss_by_attribute": dict(made.report.loss_by_attribute),
        "certificate": asdict(made.report.evidence),
        "risk": measures,
        "class_sizes": _by_size(sizes),
    }


def _against_public(table: pl.DataFrame, behind: Spread) -> dict[str, Any] | None:
    """Risk for whoever does not know who is in the table; none without a register."""
    if not behind.is_public:
        return None
    risk = assess(table, behind.by, population=behind.persons(table))
    return {
        "by": list(behind.by),
        "k_map": risk.k_map,
        "journalist_max": risk.journalist_max,
        "journalist_mean": risk.journalist_mean,
    }


def _by_size(sizes: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Classes by how many share them: what a page shows of thousands of sizes."""
    limits = ((10, "<10"), (20, "10-19"), (50, "20-49"), (100, "50-99"))
    found = dict.fromkeys([*(name for _, name in limits), "100+"], 0)
    for row in sizes:
        name = next((name for limit, name in limits if row["class_size"] < limit), "100+")
        found[name] += row["classes"]
    return found


def _for_analysts(told: Mapping[str, Any]) -> dict[str, Any]:
    """What an analyst may know: nothing exact that rests on rows that are not in the table.

    Closeness to the table *given* would tell how many of those left out have a condition, and the
    loss, beside the losses that the table tells, how many were left out.
    """
    if not told["made"]:
        # Why tells how many persons there are; that nothing can be made is enough here.
        return {name: value for name, value in told.items() if name != "why"}
    left_out = told["suppressed"]
    few = 0 < left_out < SMALL
    kept = {name: value for name, value in told.items() if name not in _EXACT}
    return {
        **kept,
        "records_given": None if few else told["records_given"],
        "suppressed": f"<{SMALL}" if few else left_out,
        "certificate": {name: told["certificate"][name] for name in ("nodes", "checked")},
        "risk": told["risk"] | {"sensitive": _from_the_table(told["risk"]["sensitive"])},
        "bias": [
            {
                "indicator_id": one["indicator_id"],
                "region": None if one["region"] is None else band(abs(one["region"])),
                "typical": None if one["typical"] is None else band(one["typical"]),
            }
            for one in told["bias"]
        ],
    }


_EXACT: Final = ("loss",)
"""With the loss of each attribute, which the table itself tells, it gives the persons left out."""


def _from_the_table(sensitive: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Measures that whoever has the table can compute; closeness tells of the rows left out."""
    return {
        name: {measure: value for measure, value in held.items() if measure != "t"}
        for name, held in sensitive.items()
    }


def _steady(value: Any) -> Any:  # noqa: ANN401
    """Plain values without the last bits of sums, which are chance: threads add up as they end."""
    if isinstance(value, Mapping):
        return {name: _steady(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_steady(inner) for inner in value]
    return round(value, 9) if isinstance(value, float) else value


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_write(path) as temporary:
        text = json.dumps(_steady(content), indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
