"""A policy of the catalogue as the table door takes it.

Belongs here: this one step between two rooms. Does not belong here: rules.
"""

from __future__ import annotations

from anonymization.tables import TablePolicy
from pipelines.catalogue.loader import Catalogue


def table_policy(catalogue: Catalogue, policy_id: str) -> TablePolicy:
    """The rules of a policy; unknown options are refused by the door.

    Args:
        catalogue: The loaded catalogue.
        policy_id: Id of a table policy.
    """
    return TablePolicy.from_mapping(catalogue.policies[policy_id].rules)
