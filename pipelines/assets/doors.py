"""The microdata door: strata that everything is counted by, and person-years for analysts.

Belongs here: reading what the door takes and writing what it gives. Does not belong here: how
k-anonymity is reached (``anonymization``).
"""

from __future__ import annotations
