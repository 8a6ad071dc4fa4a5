"""The table door by hand: from a file of cells to a protected table that was audited as written.

Belongs here: reading cells, hierarchies and policies, writing what the door makes, auditing it
again from its bytes before it gets its name, and the papers beside it. Does not belong here: how
the table is protected (``anonymization.tables``), how it is typed and printed (``cli_protect``).

Two papers lie beside a table. The certificate may go wherever the table goes: it tells neither
which cells are unsafe themselves nor the narrowest interval. The stewards' report tells both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, RootModel, model_validator

from anonymization.tables import Protected, TablePolicy, Verdict, protect, verify
from anonymization.tables.lattice import Dimensions, Hierarchy
from anonymization.tables.merged_cells import SHOWN_WITH
from anonymization.tables.merging import Members
from pipelines.publication.microdata_source import read_table
from pipelines.settings import atomic_write

SEARCH_REASONS: Final = {
    "too_large": "more cells than exact_cells: the least pattern was not sought",
    "magnitudes": "the least pattern is sought for counts only",
    "rounds": "the whole-number programmes that a block is given did not settle it",
    "nodes": "a whole-number programme reached its bound of nodes with a gap left",
}
WHOLE: Final = ("persons", "denominator", "providers")
SHARES: Final = ("largest_share", "weight")


class TableFileError(ValueError):
    """A file cannot be read, or what was written does not hold to its policy."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class HierarchyForm(_Strict):
    """One dimension of a hierarchy file.

    Attributes:
        parents: Code → parent, or a list of parents.
        file: A CSV beside the hierarchy file with the columns ``code`` and ``parent``.
        total: Whether several roots get one total above them.
        members: A CSV beside the hierarchy file with public facts about the codes (``code``,
            ``size``, optional ``within``, ``x``, ``y``, ``name``), where the policy merges by size.
    """

    parents: dict[str, str | list[str]] | None = None
    file: str | None = None
    total: bool = True
    members: str | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> HierarchyForm:
        if (self.parents is None) == (self.file is None):
            raise ValueError("expected exactly one of parents and file")
        return self

    def hierarchy(self, folder: Path) -> Hierarchy:
        """What lies in what."""
        if self.file is not None:
            frame = read_table(folder / self.file)
        else:
            steps = {code: [up] if isinstance(up, str) else up for code, up in self._given()}
            frame = pl.DataFrame(
                [(code, parent) for code, ups in steps.items() for parent in ups],
                schema={"code": pl.String, "parent": pl.String},
                orient="row",
            )
        if not self.total or {"code", "parent"} - set(frame.columns):
            return frame
        grouped = frame.group_by("code").agg("parent").sort("code")
        return {str(code): list(parents) for code, parents in grouped.iter_rows()}

    def _given(self) -> list[tuple[str, str | list[str]]]:
        return list((self.parents or {}).items())


class HierarchiesForm(RootModel[dict[str, Literal["flat"] | HierarchyForm]]):
    """The file: one entry per dimension."""

    model_config = ConfigDict(hide_input_in_errors=True)


@dataclass(frozen=True)
class Made:
    """What was written.

    Attributes:
        table: The protected table.
        certificate: What may be told of its protection, JSON.
        report: What stewards may know of it, JSON.
        protected: The table as the door made it.
        verdict: What the audit of the written bytes found.
    """

    table: Path
    certificate: Path
    report: Path
    protected: Protected
    verdict: Verdict

    @property
    def merged(self) -> int:
        """Hidden cells that are shown as part of a group."""
        told = [name for name in self.protected.table.columns if name.endswith(SHOWN_WITH)]
        return int(self.protected.table[told[0]].count()) if told else 0


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        raise TableFileError(f"{path.name}: cannot be read. Name a YAML file.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise TableFileError(f"{path.name}: is no YAML. Mend it.") from None
    if not isinstance(content, dict):
        raise TableFileError(f"{path.name}: expected names and values, got none.")
    return content


def read_hierarchies(path: Path) -> tuple[Dimensions, Members]:
    """Read the dimensions of a table, and what is said of their members.

    Args:
        path: The YAML file: column → ``flat``, ``{parents: {code: parent}}`` or ``{file: …}``, with
            ``members`` where groups are made by size.

    Raises:
        TableFileError: If it cannot be read.
        pydantic.ValidationError: If it does not have the form.
    """
    forms = HierarchiesForm.model_validate(_mapping(path)).root
    given = {name: form for name, form in forms.items() if form != "flat"}
    dimensions: Dimensions = {
        name: given[name].hierarchy(path.parent) if name in given else {} for name in forms
    }
    return dimensions, {
        name: _members(path.parent / form.members)
        for name, form in given.items()
        if form.members is not None
    }


def _members(path: Path) -> pl.DataFrame:
    frame = read_table(path)
    return frame.with_columns(
        _numbers(frame[name], path.name, whole=False)
        for name in ("size", "x", "y")
        if name in frame.columns
    )


def read_policy(path: Path) -> TablePolicy:
    """Read a table policy: its options, or a policy of the catalogue.

    Args:
        path: The YAML file.

    Raises:
        TableFileError: If it cannot be read, or is a policy of another kind.
        pydantic.ValidationError: If an option is unknown or out of range.
    """
    content = _mapping(path)
    if "rules" in content:
        if content.get("kind") != "table":
            raise TableFileError(f"{path.name}: expected a policy of kind table.")
        content = content["rules"]
    return TablePolicy.from_mapping(content)


def read_cells(path: Path, dimensions: Dimensions, separator: str = ",") -> pl.DataFrame:
    """Read base cells: codes as text, counts as whole numbers where all of them are.

    Args:
        path: A .parquet or .csv file.
        dimensions: Names the columns that hold codes.
        separator: Between the fields of a CSV file.

    Raises:
        MicrodataFileError: If the file cannot be read.
        TableFileError: If a column does not hold numbers.
    """
    frame = read_table(path, separator)
    codes = [name for name in dimensions if name in frame.columns]
    frame = frame.with_columns(pl.col(codes).cast(pl.String))
    for name in ("count", *WHOLE, *SHARES):
        if name in frame.columns:
            frame = frame.with_columns(_numbers(frame[name], path.name, name in WHOLE))
    if "sensitive" in frame.columns and frame.schema["sensitive"] != pl.Boolean:
        said = pl.col("sensitive").cast(pl.String).str.to_lowercase()
        frame = frame.with_columns(
            sensitive=said.replace_strict({"true": True, "false": False}, default=None)
        )
        if wrong := frame["sensitive"].null_count():
            raise TableFileError(
                f"{path.name}: sensitive must be true or false, got {wrong} rows that are not."
            )
    return frame


def _numbers(column: pl.Series, file: str, whole: bool) -> pl.Series:
    found = column.cast(pl.Float64, strict=False)
    if wrong := found.null_count() - column.null_count():
        raise TableFileError(
            f"{file}: {column.name} holds no number in {wrong} of {len(column)} rows. Mend them."
        )
    is_whole = bool((found == found.round()).all())
    if whole and not is_whole:
        raise TableFileError(f"{file}: {column.name} must hold whole numbers. Mend it.")
    return found.cast(pl.Int64) if is_whole else found


def protect_file(
    source: Path,
    hierarchies: Path,
    policy: Path,
    folder: Path,
    *,
    separator: str = ",",
    tell: Callable[[str], None] = lambda stage: None,
) -> Made:
    """Protect a table of counts and write it with its certificate and the stewards' report.

    The table gets its name only after it was read back and audited.

    Args:
        source: Base cells, .parquet or .csv: a column per dimension and ``count``.
        hierarchies: The dimensions' YAML file.
        policy: The policy's YAML file.
        folder: Where to; the table has the source's name and format.
        separator: Between the fields of a CSV file.
        tell: Hears of each stage.

    Returns:
        What was written.

    Raises:
        TableFileError: If a file cannot be read, would be written over, or what was written does
            not hold.
        TableError: If columns, codes or counts are not as described.
        ProtectionError: If no pattern satisfies the audit.
    """
    (dimensions, members), rules = read_hierarchies(hierarchies), read_policy(policy)
    target = folder / source.name
    if target.resolve() == source.resolve():
        raise TableFileError(f"{source.name}: --out is its own folder. Name another.")
    tell("Reading")
    cells = read_cells(source, dimensions, separator)
    tell(f"Protecting {cells.height} base cells with their margins")
    made = protect(cells, dimensions, rules, members)
    tell("Writing, and auditing what was written")
    with atomic_write(target) as path:
        if source.suffix == ".parquet":
            made.table.write_parquet(path)
        else:
            made.table.write_csv(path, separator=separator)
        written = _as_written(path, source, dimensions, separator)
        verdict = verify(written, cells, dimensions, rules, members)
        _hold(verdict, made)
        digest = _digest(path)
    result = Made(
        target,
        folder / f"{source.stem}.certificate.json",
        folder / f"{source.stem}.report.json",
        made,
        verdict,
    )
    files = {"input": source, "hierarchies": hierarchies, "policy": policy}
    hashes = {name: _digest(file) for name, file in files.items()} | {"output": digest}
    certificate = _certificate(result, rules, hashes)
    _write(result.certificate, certificate)
    _write(result.report, certificate | _stewards(result))
    return result


def _as_written(path: Path, source: Path, dimensions: Dimensions, separator: str) -> pl.DataFrame:
    form = pl.read_parquet if source.suffix == ".parquet" else None
    table = (
        form(path) if form else pl.read_csv(path, separator=separator, infer_schema=False)
    ).with_columns(pl.col(list(dimensions)).cast(pl.String))
    return table.with_columns(_numbers(table["count"], source.name, whole=False))


def _hold(verdict: Verdict, made: Protected) -> None:
    hidden = made.table["count"].null_count()
    if not verdict.ok or (verdict.cells, verdict.hidden) != (made.table.height, hidden):
        raise TableFileError(
            f"What was written does not hold to the policy and was deleted: {verdict.recovered} "
            f"hidden cells can be recovered, {verdict.misstated} shown ones are misstated. This "
            "is a defect: keep the input and tell the maintainers."
        )


def _certificate(made: Made, policy: TablePolicy, hashes: dict[str, str]) -> dict[str, Any]:
    found = made.verdict
    return {
        "policy": policy.model_dump(),
        "cells": found.cells,
        "hidden": found.hidden,
        "hidden_and_shown_in_a_group": made.merged,
        "attacks": [
            {"attack": "feasible interval of every hidden cell", "succeeded": found.recovered},
            {"attack": "exact recovery of a hidden cell", "succeeded": found.determined},
            {"attack": "shown cells held against the counts", "succeeded": found.misstated},
        ],
        "sha256": hashes,
    }


def _stewards(made: Made) -> dict[str, Any]:
    """Which rules hid what, what it cost, and how narrow it is. Not for publication."""
    report, audit = made.protected.report, made.verdict.audit
    rules = report.filter(pl.col("rule").is_not_null()).group_by("rule").len().sort("rule")
    reasons = report.filter(pl.col("reason").is_not_null()).group_by("reason").len().sort("reason")
    widths = audit.select(width=pl.col("upper") - pl.col("lower")).filter(
        pl.col("width").is_finite()
    )
    return {
        "for": "stewards: tells what a reader must not know",
        "hidden_by_reason": dict(reasons.iter_rows()),
        "hidden_by_rule": dict(rules.iter_rows()),
        "narrowest_interval": widths["width"].min(),
        "width_required": audit["width_required"].max(),
        "search": _search(made.protected.blocks),
    }


def _search(blocks: pl.DataFrame) -> dict[str, Any]:
    """Of each block with hidden cells: whether less could be hidden, and why nobody knows."""
    asked = blocks.filter(pl.col("hidden") > 0)
    gap = (pl.col("cost") - pl.col("least")) / pl.col("cost")
    told = asked.select(
        "block",
        "cells",
        "hidden",
        pl.when(pl.col("reason").is_null())
        .then(pl.lit("proven_least"))
        .otherwise(pl.lit("found_by_search"))
        .alias("pattern"),
        pl.col("reason").alias("not_proven_because"),
        "cost",
        pl.col("least").alias("no_pattern_costs_less_than"),
        pl.when(pl.col("cost") > 0).then(gap).otherwise(0.0).round(4).alias("gap"),
    )
    return {
        "blocks": blocks.height,
        "with_hidden_cells": asked.height,
        "proven_least": int(asked["reason"].is_null().sum()),
        "reasons": SEARCH_REASONS,
        "each": told.to_dicts(),
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    with atomic_write(path) as draft:
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        draft.write_text(text, encoding="utf-8")


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
