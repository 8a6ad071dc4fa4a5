"""The portal and its forms.

Belongs here: values, what they mean, where they are from. Does not belong here: code that draws.
"""

from __future__ import annotations

from typing import Annotated

from pipelines.synthetic.parameters.given import Curve, Given

PORTAL_USERS: Annotated[Curve, Given("share of residents inclined to use the portal, by age")] = (
    (0, 0),
    (15, 0.02),
    (16, 0.42),
    (30, 0.60),
    (50, 0.60),
    (67, 0.52),
    (80, 0.26),
    (95, 0.08),
)
PORTAL_WOMEN_FACTOR: Annotated[float, Given("women relative to the mean of both sexes")] = 1.10
PORTAL_YEARLY_USE: Annotated[float, Given("share of the inclined who use it in a year")] = 0.9
PORTAL_SESSIONS: Annotated[float, Given("sessions a year of a user")] = 3.5
MUNICIPALITY_PORTAL_LOG_SD: Annotated[
    float, Given("how far municipalities lie apart: portal, log scale")
] = 0.10
FORMS_PER_YEAR: Annotated[Curve, Given("forms sent a year, by age")] = (
    (0, 0.15),
    (16, 0.30),
    (50, 0.5),
    (75, 0.8),
    (90, 0.5),
)
FORM_ANSWERED: Annotated[float, Given("share of forms answered before the contact")] = 0.68
FORM_LATE_SHARE: Annotated[float, Given("share of forms answered after it")] = 0.06
FORM_ODD_STATUS_SHARE: Annotated[float, Given("share of forms cancelled")] = 0.02
