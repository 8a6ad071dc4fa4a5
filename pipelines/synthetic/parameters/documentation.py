"""Staff, and what they write.

Belongs here: values, what they mean, where they are from. Does not belong here: code that draws.
"""

from __future__ import annotations

from typing import Annotated

from pipelines.synthetic.parameters.given import Given

STAFF_PER_INHABITANT: Annotated[float, Given("care staff per inhabitant")] = 0.045
STAFF_MINIMUM: Annotated[int, Given("least staff of a municipality")] = 4
STAFF_TURNOVER: Annotated[float, Given("share of staff replaced in a year")] = 0.09
STAFF_LOGIN_SHARE: Annotated[float, Given("share of staff who ever log in")] = 0.88
STAFF_LOGIN_MEAN_DAYS: Annotated[
    float, Given("mean days from hiring or go-live to the first log-in")
] = 25.0
ENTRIES_PER_WEEK: Annotated[
    dict[str, float], Given("journal entries a week of a user, by IPLOS code")
] = {"15": 1.0, "21": 1.3, "1": 0.15, "18": 2.0}
STRUCTURED_LOGIT: Annotated[float, Given("log-odds that an entry is structured, at go-live")] = 0.25
STRUCTURED_GROWTH_PER_YEAR: Annotated[
    float, Given("how the log-odds grow a year after go-live")
] = 0.18
MUNICIPALITY_STRUCTURED_SD: Annotated[
    float, Given("how far municipalities lie apart: structured entries, log-odds")
] = 0.35
MOBILE_SHARE: Annotated[
    float, Given("share of entries of home care made on a mobile device; a third of it elsewhere")
] = 0.42
DELAY_MEAN_MINUTES: Annotated[
    float,
    Given("mean minutes from event to entry at a workstation; a fifth of it on a mobile device"),
] = 95.0
ENTRY_ERROR_SHARE: Annotated[float, Given("share of entries entered in error")] = 0.004
# fmt: off
EMERGENCY_ENTRIES: Annotated[float, Given(
    "entries of the emergency service per inhabitant a year")] = 0.03
# fmt: on
