"""Read the catalogue and check it as a whole.

Belongs here: finding the files, and the rules that span several of them. Does not belong
here: rules of one file (``model.py``) and anything that needs a database.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pipelines.catalogue.breakdowns import Breakdown, Breakdowns
from pipelines.catalogue.model import Indicator, Policy

HERE = Path(__file__).resolve().parent
Model = TypeVar("Model", bound=BaseModel)


class CatalogueError(ValueError):
    """A catalogue file is wrong; the message names file, key and what was expected."""


@dataclass(frozen=True)
class Catalogue:
    """All indicators and policies, by id, in the order of their numbers; the splits by id."""

    indicators: Mapping[str, Indicator]
    policies: Mapping[str, Policy]
    breakdowns: Mapping[str, Breakdown] = field(default_factory=lambda: _own_breakdowns())

    def policy_of(self, indicator: Indicator) -> Policy:
        """The policy an indicator names (its existence is checked at load)."""
        return self.policies[indicator.policy]

    def cuts(self) -> tuple[int, ...]:
        """Ages that some indicator declares as a border, once for each that does.

        Age bands are merged across them only where there is no other way, and then across the
        one that fewest indicators need.
        """
        return tuple(
            sorted(
                age
                for indicator in self.indicators.values()
                for age in (
                    *indicator.age_groups,
                    *((indicator.age_max + 1,) if indicator.ages.max is not None else ()),
                )
                if age > 0
            )
        )


class _Loader(yaml.CSafeLoader):
    """Plain values only, by the loader that is written in C; a key comes once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a key that is there twice: the last one would win without a word."""
        own = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if len(set(own)) != len(own):
            raise yaml.constructor.ConstructorError(
                None, None, "a key is there twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


def parse_yaml(path: Path) -> object:
    """The content of a YAML file.

    Raises:
        yaml.YAMLError: It is not YAML, or a key is there twice.
    """
    return yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506  (a safe loader)


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Read one YAML file into a strict model.

    Args:
        path: The file.
        model: The pydantic model it must satisfy.

    Raises:
        CatalogueError: The file cannot be read as the model; names file and keys.
    """
    try:
        content = parse_yaml(path)
    except yaml.YAMLError as error:
        raise CatalogueError(f"{path.name}: not valid YAML: {error}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise CatalogueError(
            f"{path.name}: not UTF-8, or nested past all use ({type(error).__name__}). Mend the "
            "file and run again."
        ) from error
    return validated(path, content, model)


def validated(path: Path, content: object, model: type[Model]) -> Model:
    """Content of a file as a strict model.

    Args:
        path: The file, for the message.
        content: What was read from it.
        model: The pydantic model it must satisfy.

    Raises:
        CatalogueError: It does not; names file and keys.
    """
    try:
        return model.model_validate(content)
    except RecursionError as error:
        raise CatalogueError(f"{path.name}: nested past all use. Mend the file.") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in e['loc']) or 'file'}: {e['msg']}"
            for e in error.errors(include_input=False, include_url=False)
        )
        raise CatalogueError(f"{path.name}: {problems}. Mend the file and run again.") from error


def _read_folder(folder: Path, model: type[Model]) -> dict[str, Model]:
    found: dict[str, Model] = {}
    for path in sorted(folder.glob("*.yml")):
        entry = read_yaml(path, model)
        name = str(getattr(entry, "id", ""))
        if name != path.stem:
            raise CatalogueError(f"{path.name}: id is {name!r}, expected {path.stem!r}")
        found[name] = entry
    if not found:
        raise CatalogueError(f"{folder}: expected at least one .yml file, found none")
    return found


def load(folder: Path = HERE) -> Catalogue:
    """Load and cross-check the catalogue.

    Args:
        folder: Folder that holds ``indicators/``, ``policies/`` and ``breakdowns.yml``.

    Raises:
        CatalogueError: A file is wrong, or two files contradict each other.
    """
    indicators = _read_folder(folder / "indicators", Indicator)
    policies = _read_folder(folder / "policies", Policy)
    for indicator in indicators.values():
        policy = policies.get(indicator.policy)
        if policy is None or policy.kind != "table":
            raise CatalogueError(
                f"{indicator.id}.yml: policy: expected a table policy among "
                f"{sorted(policies)}, got {indicator.policy!r}"
            )
    breakdowns = read_breakdowns(folder)
    _check_breakdowns(indicators, breakdowns)
    _check_shared_measures(indicators)
    _check_parts(indicators)
    ordered = sorted(indicators.values(), key=lambda entry: (entry.number, entry.id))
    return Catalogue({entry.id: entry for entry in ordered}, policies, breakdowns)


def _own_breakdowns() -> Mapping[str, Breakdown]:
    return read_breakdowns(HERE)


@cache
def read_breakdowns(folder: Path) -> Mapping[str, Breakdown]:
    """The splits of a catalogue folder, by id.

    Raises:
        CatalogueError: The file is wrong; names its keys.
    """
    return read_yaml(folder / "breakdowns.yml", Breakdowns).root


def _check_breakdowns(
    indicators: Mapping[str, Indicator], breakdowns: Mapping[str, Breakdown]
) -> None:
    """An indicator is split by what there is."""
    for entry in indicators.values():
        if unknown := set(entry.breakdowns) - set(breakdowns):
            raise CatalogueError(
                f"{entry.id}.yml: breakdowns: expected some of {sorted(breakdowns)}, got "
                f"{sorted(unknown)}. Add the split to breakdowns.yml."
            )


def _check_shared_measures(indicators: Mapping[str, Indicator]) -> None:
    """A measure means one thing: its unit and publicity must agree wherever it is used."""
    seen: dict[str, tuple[str, str]] = {}
    for entry in indicators.values():
        for side in (entry.numerator, entry.denominator):
            unit, owner = seen.setdefault(side.measure, (side.unit, entry.id))
            if unit != side.unit:
                raise CatalogueError(
                    f"{entry.id}.yml: measure {side.measure} has unit {side.unit!r}, "
                    f"but {owner}.yml gives it {unit!r}"
                )


def _check_parts(indicators: Mapping[str, Indicator]) -> None:
    """What is part of another indicator's numerator names a numerator that there is."""
    numerators = {entry.numerator.measure for entry in indicators.values()}
    for entry in indicators.values():
        whole = entry.numerator.part_of
        if whole is not None and (whole not in numerators or whole == entry.numerator.measure):
            raise CatalogueError(
                f"{entry.id}.yml: numerator.part_of: expected another indicator's numerator, got "
                f"{whole!r}"
            )


@cache
def catalogue() -> Catalogue:
    """The project's own catalogue, read once per process."""
    return load()
