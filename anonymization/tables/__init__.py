"""The table door: exact counts become protected tables, proven by an audit.

Here: the names that others rely on. Not here: anything that knows where tables come from or are
stored.
"""

from __future__ import annotations

from anonymization.parallel import side_by_side
from anonymization.tables.audit import audit_system
from anonymization.tables.engine import protect_system
from anonymization.tables.errors import InconsistentTableError, ProtectionError, TableError
from anonymization.tables.kernel import derivable
from anonymization.tables.merged_cells import with_remainders
from anonymization.tables.merging import merge_groups, sized_groups, window_groups, with_groups
from anonymization.tables.policy import MergeRule, TablePolicy
from anonymization.tables.primary import primary_rules
from anonymization.tables.protect import Protected, protect
from anonymization.tables.published import audit
from anonymization.tables.rates import publishable_standardised
from anonymization.tables.system import LinkedSystem, ProtectedSystem
from anonymization.tables.verify import Verdict, verify

__all__ = [
    "InconsistentTableError",
    "LinkedSystem",
    "MergeRule",
    "Protected",
    "ProtectedSystem",
    "ProtectionError",
    "TableError",
    "TablePolicy",
    "Verdict",
    "audit",
    "audit_system",
    "derivable",
    "merge_groups",
    "primary_rules",
    "protect",
    "protect_system",
    "publishable_standardised",
    "side_by_side",
    "sized_groups",
    "verify",
    "window_groups",
    "with_groups",
    "with_remainders",
]
