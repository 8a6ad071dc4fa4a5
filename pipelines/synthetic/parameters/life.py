"""The life of a journal: identities that change, late and corrected rows, deletions, reservations.

Belongs here: values, what they mean, where they are from. Does not belong here: code that draws.
They count only where the settings ask for life (``SyntheticSettings.life``).
"""

from __future__ import annotations

from typing import Annotated

from pipelines.synthetic.parameters.given import Given

# fmt: off
D_NUMBER_REPLACED: Annotated[float, Given(
    "share of persons known by a D-number who get a national number in a later year")] = 0.25
NEWBORN_LOCAL_SHARE: Annotated[float, Given(
    "share of newborns first delivered with a hospital's local number alone")] = 0.05
SECOND_RESOURCE_SHARE: Annotated[float, Given(
    "share of persons with a second resource, linked to the first in a later year")] = 0.002
SECOND_RESOURCE_EVENTS: Annotated[int, Given(
    "every so manieth event of such a person refers to the second resource")] = 2
WRONG_MERGE_SHARE: Annotated[float, Given(
    "share of persons merged with another by mistake, and parted again in a later year")] = 0.0004
LATE_SHARE: Annotated[float, Given("share of events delivered a year late")] = 0.02
AMENDED_SHARE: Annotated[float, Given(
    "share of events delivered wrong first and corrected a year later")] = 0.01
DELETED_SHARE: Annotated[float, Given(
    "events delivered and deleted a year later, per event that stays")] = 0.004
RESERVED_SHARE: Annotated[float, Given("share of persons who reserve themselves")] = 0.004
RESERVED_RESEARCH: Annotated[float, Given("share of reservations that are about research")] = 0.5
RESERVATION_LIFTED: Annotated[float, Given("share of reservations lifted a year later")] = 0.3
ORGANISATION_NUMBER: Annotated[str, Given(
    "organisation number that the municipalities deliver under from the year that the settings "
    "name")] = "org-923456789"
# fmt: on
