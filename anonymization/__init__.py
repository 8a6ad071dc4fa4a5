"""The three doors between identified persons and published figures.

A pure library: no orchestrator, no database file, no dashboard, no other part of the project.
Re-exports what others rely on; the modules hold everything else.
"""

from importlib import import_module
from typing import Any

from anonymization.grouping import Frame, Source
from anonymization.hierarchies import Hierarchy, HierarchyError
from anonymization.identifiers import classify, complete_check_digits
from anonymization.intervals import PartitionEvidence
from anonymization.keys import (
    EnvironmentKeyProvider,
    FileKeyProvider,
    Key,
    KeyAccessError,
    KeyProvider,
    create_key_file,
)
from anonymization.lattice import Evidence, LatticeTooLargeError, NodeLimitError, Progress
from anonymization.microdata import (
    Anonymized,
    MicrodataReport,
    NoSolutionError,
    Solved,
    anonymize,
    solve,
)
from anonymization.microdata_door import Destination, Passed, pass_microdata_door
from anonymization.packing import ColumnError
from anonymization.partition import k_anonymous_strata, optimal_partition
from anonymization.policies import (
    MicrodataPolicy,
    NotSupportedError,
    PolicyError,
    QuasiIdentifier,
    SensitiveAttribute,
)
from anonymization.pseudonym_door import ColumnRule, DoorResult, arrow_door, pass_door, redact
from anonymization.pseudonyms import Pseudonymiser
from anonymization.risk import Diversity, RiskReport, assess
from anonymization.verdict import violations

# The table door brings solvers along; whoever only needs pseudonyms should not wait for them.
_FROM_TABLES = ("TablePolicy", "audit", "protect")

__all__ = [
    "Anonymized",
    "ColumnError",
    "ColumnRule",
    "Destination",
    "Diversity",
    "DoorResult",
    "EnvironmentKeyProvider",
    "Evidence",
    "FileKeyProvider",
    "Frame",
    "Hierarchy",
    "HierarchyError",
    "Key",
    "KeyAccessError",
    "KeyProvider",
    "LatticeTooLargeError",
    "MicrodataPolicy",
    "MicrodataReport",
    "NoSolutionError",
    "NodeLimitError",
    "NotSupportedError",
    "PartitionEvidence",
    "Passed",
    "PolicyError",
    "Progress",
    "Pseudonymiser",
    "QuasiIdentifier",
    "RiskReport",
    "SensitiveAttribute",
    "Solved",
    "Source",
    "TablePolicy",
    "anonymize",
    "arrow_door",
    "assess",
    "audit",
    "classify",
    "complete_check_digits",
    "create_key_file",
    "k_anonymous_strata",
    "optimal_partition",
    "pass_door",
    "pass_microdata_door",
    "protect",
    "redact",
    "solve",
    "violations",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _FROM_TABLES:
        return getattr(import_module("anonymization.tables"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
