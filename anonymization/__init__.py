"""The three doors between identified persons and published figures.

A pure library: no orchestrator, no database file, no dashboard, no other part of the project.
Re-exports what others rely on; the modules hold everything else.
"""

from importlib import import_module
from typing import Any

from anonymization.identifiers import classify, complete_check_digits
from anonymization.keys import (
    EnvironmentKeyProvider,
    FileKeyProvider,
    Key,
    KeyAccessError,
    KeyProvider,
    create_key_file,
)
from anonymization.pseudonym_door import ColumnRule, DoorResult, arrow_door, pass_door, redact
from anonymization.pseudonyms import Pseudonymiser

# The table door brings solvers along; whoever only needs pseudonyms should not wait for them.
_FROM_TABLES = ("TablePolicy", "audit", "protect")

__all__ = [
    "ColumnRule",
    "DoorResult",
    "EnvironmentKeyProvider",
    "FileKeyProvider",
    "Key",
    "KeyAccessError",
    "KeyProvider",
    "Pseudonymiser",
    "TablePolicy",
    "arrow_door",
    "audit",
    "classify",
    "complete_check_digits",
    "create_key_file",
    "pass_door",
    "protect",
    "redact",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _FROM_TABLES:
        return getattr(import_module("anonymization.tables"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
