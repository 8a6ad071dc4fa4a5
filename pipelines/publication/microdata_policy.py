"""A microdata policy as people write it, in YAML.

Belongs here: the file's form, and the policy it becomes. Does not belong here: what the policy
means (``anonymization.policies``), which checks the values themselves.

Hierarchies are written as the word ``suppress`` or as one of ``{intervals: [5, 10], lower: 0,
upper: 119}``, ``{prefix: [2]}``, ``{tree: {child: parent}}`` and ``{file: ages.csv}``, a CSV with
one column per level, the value first; by default as ARX writes it, without header and with
semicolons. File names are relative to the policy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from anonymization.hierarchies import Hierarchy
from anonymization.policies import (
    MicrodataPolicy,
    PolicyError,
    QuasiIdentifier,
    SensitiveAttribute,
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class _HierarchyForm(_Strict):
    intervals: list[int] | None = None
    lower: int | None = None
    upper: int | None = None
    prefix: list[int] | None = None
    tree: dict[str, str] | None = None
    file: str | None = None
    separator: str = ";"
    header: bool = False

    @model_validator(mode="after")
    def _is_one_kind(self) -> _HierarchyForm:
        kinds = [self.intervals, self.prefix, self.tree, self.file]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("expected exactly one of intervals, prefix, tree and file")
        if self.intervals is None and (self.lower is not None or self.upper is not None):
            raise ValueError("lower and upper belong to intervals")
        return self

    def hierarchy(self, folder: Path) -> Hierarchy:
        if self.intervals is not None:
            return Hierarchy.intervals(self.intervals, lower=self.lower, upper=self.upper)
        if self.prefix is not None:
            return Hierarchy.prefix(self.prefix)
        if self.tree is not None:
            return Hierarchy.tree(self.tree)
        path = folder / str(self.file)
        try:
            table = pl.read_csv(
                path, separator=self.separator, has_header=self.header, infer_schema=False
            )
        except (OSError, pl.exceptions.PolarsError):
            # What lies in the file is not repeated.
            raise PolicyError(
                f"Hierarchy {path.name}: cannot be read beside the policy as a table of "
                f"{self.separator!r}-separated levels. Mend the file, or its name."
            ) from None
        return Hierarchy.from_table(table)


class _QuasiIdentifierForm(_Strict):
    name: str
    hierarchy: Literal["suppress"] | _HierarchyForm | None = None
    weight: float = 1.0

    def build(self, folder: Path) -> QuasiIdentifier:
        return QuasiIdentifier(self.name, _hierarchy(self.hierarchy, folder), self.weight)


class _SensitiveForm(_Strict):
    name: str
    l: float = 2  # noqa: E741 - the literature's name
    diversity: str = "distinct"
    c: float | None = None
    t: float | None = None
    distance: str = "equal"
    order: list[str] | None = None
    hierarchy: _HierarchyForm | None = None

    def build(self, folder: Path) -> SensitiveAttribute:
        return SensitiveAttribute(
            self.name,
            self.l,
            self.diversity,
            c=self.c,
            t=self.t,
            distance=self.distance,
            order=None if self.order is None else tuple(self.order),
            hierarchy=_hierarchy(self.hierarchy, folder),
        )


class MicrodataPolicyFile(_Strict):
    """The file's form. Everything but ``quasi_identifiers`` has the policy's own default."""

    quasi_identifiers: list[_QuasiIdentifierForm]
    k: int = MicrodataPolicy.k
    sensitive: list[_SensitiveForm] = []
    insensitive: list[str] = []
    suppression_limit: float = MicrodataPolicy.suppression_limit
    method: str = MicrodataPolicy.method
    loss: str = MicrodataPolicy.loss
    aggregate: str = MicrodataPolicy.aggregate
    seed: int = MicrodataPolicy.seed
    person: str | None = MicrodataPolicy.person
    missing: str = MicrodataPolicy.missing
    k_map: int | None = MicrodataPolicy.k_map
    presence: tuple[float, float] | None = Field(MicrodataPolicy.presence, strict=False)
    ordered: str | None = MicrodataPolicy.ordered
    periods: str | None = MicrodataPolicy.periods


def read_policy(path: Path) -> MicrodataPolicy:
    """Read a policy.

    Args:
        path: The YAML file.

    Returns:
        The policy.

    Raises:
        PolicyError: If the file cannot be read or contradicts itself.
        HierarchyError: If a hierarchy is none.
        pydantic.ValidationError: If it does not have the form.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        raise PolicyError(f"{path}: cannot be read. Name a policy file.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise PolicyError(f"{path}: is no YAML. Write it as docs/how-to describes.") from None
    return policy_of(MicrodataPolicyFile.model_validate(content), path.parent)


def policy_of(form: MicrodataPolicyFile, folder: Path) -> MicrodataPolicy:
    """The policy that a form describes.

    Args:
        form: What was written.
        folder: Where the files of hierarchies are.

    Raises:
        PolicyError: If it contradicts itself, or a hierarchy's file cannot be read.
        HierarchyError: If a hierarchy is none.
    """
    return MicrodataPolicy(
        k=form.k,
        quasi_identifiers=tuple(entry.build(folder) for entry in form.quasi_identifiers),
        sensitive=tuple(entry.build(folder) for entry in form.sensitive),
        insensitive=tuple(form.insensitive),
        suppression_limit=form.suppression_limit,
        method=form.method,
        loss=form.loss,
        aggregate=form.aggregate,
        seed=form.seed,
        person=form.person,
        missing=form.missing,
        k_map=form.k_map,
        presence=form.presence,
        ordered=form.ordered,
        periods=form.periods,
    )


def _hierarchy(form: Literal["suppress"] | _HierarchyForm | None, folder: Path) -> Hierarchy | None:
    if form is None:
        return None
    return Hierarchy.suppress() if form == "suppress" else form.hierarchy(folder)
