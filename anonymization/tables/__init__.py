"""The table door: exact counts become protected tables, proven by an audit.

Public signatures::

    TablePolicy(threshold=5, protection_width=3, …) / TablePolicy.from_mapping(options)
    LinkedSystem(variables, cells, terms)
    protect_system(system, policy) -> ProtectedSystem(cells, audit)
    audit_system(system, status, policy, exact=False)
        -> DataFrame[cell_id, lower, upper, width_required, ok, determined]
    protect(cells, dimensions, policy) -> Protected(table, audit)
    audit(table, dimensions, upper_bounds=None) -> DataFrame[…dimensions, lower, upper]
    publishable_standardised(strata, figures, policy)
        -> DataFrame[figure_id, publishable, narrowest]
"""

from __future__ import annotations

from anonymization.tables.errors import InconsistentTableError, ProtectionError, TableError
from anonymization.tables.policy import TablePolicy
from anonymization.tables.system import LinkedSystem, ProtectedSystem

__all__ = [
    "InconsistentTableError",
    "LinkedSystem",
    "ProtectedSystem",
    "ProtectionError",
    "TableError",
    "TablePolicy",
]
