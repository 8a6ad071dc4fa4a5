"""A microdata policy as people write it, in YAML.

Belongs here: the file's form, and the policy it becomes. Does not belong here: what the policy
means (``anonymization.policies``), which checks the values themselves.

Hierarchies are written as the word ``suppress`` or as one of ``{intervals: [5, 10], lower: 0,
upper: 119}``, ``{prefix: [2]}``, ``{tree: {child: parent}}`` and ``{file: ages.csv}``, a CSV with
one column per level, the value first; by default as ARX writes it, without header and with
semicolons. File names are relative to the policy.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import polars as pl
import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

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


_WordOrForm = Annotated[
    Annotated[Literal["suppress"], Tag("word")] | Annotated[_HierarchyForm, Tag("form")],
    # So that a slip in one is not told as if the other had been meant.
    Discriminator(lambda given: "word" if isinstance(given, str) else "form"),
]


class _QuasiIdentifierForm(_Strict):
    name: str
    hierarchy: _WordOrForm | None = None
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
        PolicyError: If the file cannot be read, does not have the form, or contradicts itself.
        HierarchyError: If a hierarchy is none.
    """
    return policy_of(_form(path), path.parent)


def demands(path: Path) -> dict[str, Any]:
    """Everything that a policy asks for, so that whoever has it can check what was made.

    Args:
        path: The YAML file.

    Returns:
        The policy as plain values, defaults included. Of a hierarchy that lists values there are
        only the checksum and, where it has a file of its own, the name.

    Raises:
        PolicyError: As ``read_policy``.
    """
    form = _form(path)
    plain = form.model_dump(mode="json")
    for entry in [*plain["quasi_identifiers"], *plain["sensitive"]]:
        if isinstance(entry["hierarchy"], dict):
            entry["hierarchy"] = _without_values(entry["hierarchy"], path.parent)
    return plain


def _without_values(hierarchy: dict[str, Any], folder: Path) -> dict[str, Any]:
    told = {name: value for name, value in hierarchy.items() if value is not None}
    if hierarchy["file"] is not None:
        content = (folder / hierarchy["file"]).read_bytes()
        return {**told, "sha256": hashlib.sha256(content).hexdigest()}
    tree = told.pop("tree", None)
    for name in ("separator", "header"):
        told.pop(name)
    if tree is None:
        return told
    content = json.dumps(tree, sort_keys=True, ensure_ascii=False).encode()
    return {**told, "tree": {"sha256": hashlib.sha256(content).hexdigest()}}


def _form(path: Path) -> MicrodataPolicyFile:
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        raise PolicyError(f"{path}: cannot be read. Name a policy file.") from None
    except UnicodeDecodeError:
        raise PolicyError(f"{path.name}: is not UTF-8. Save it as that.") from None
    except yaml.YAMLError as error:
        # The place, but not the text: a value may stand there.
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" (line {mark.line + 1})"
        raise PolicyError(
            f"{path.name}: is no YAML{where}. Write it as docs/how-to describes."
        ) from None
    if not isinstance(content, dict):
        raise PolicyError(
            f"{path.name}: expected keys such as k and quasi_identifiers, found none."
        )
    try:
        return MicrodataPolicyFile.model_validate(content)
    except ValidationError as error:
        raise PolicyError(f"{path.name}: {_told(error)}. Mend the file.") from None


def _told(error: ValidationError) -> str:
    """What is wrong where, without the names of our own classes."""
    said: dict[str, list[str]] = {}
    for one in error.errors(include_input=False, include_url=False, include_context=False):
        parts = [str(part) for part in one["loc"]]
        # Keys of ours and places in a list; a key that is not known names itself.
        last = parts[-1:] if one["type"] == "extra_forbidden" else []
        known = [part for part in parts if part in _KEYS or part.isdigit() or [part] == last]
        said.setdefault(".".join(known) or "file", []).append(one["msg"])
    return "; ".join(f"{where}: {', or '.join(what)}" for where, what in said.items())


_KEYS: Final = frozenset(
    name
    for form in (MicrodataPolicyFile, _QuasiIdentifierForm, _SensitiveForm, _HierarchyForm)
    for name in form.model_fields
)


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
