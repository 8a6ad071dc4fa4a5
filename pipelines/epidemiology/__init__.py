"""Rates, intervals, standardisation and funnels: pure functions, no file, no clock.

Belongs here: statistical method, as functions of plain numbers (`wilson`, `crude_rate` …)
and the same method over Polars frames (`*_frame`). Does not belong here: what is counted,
who may see it, and how it is rounded for publication. The formulae and their sources stand
with the functions; every one is held to a published example in ``tests/spec``.
"""

from pipelines.epidemiology.comparison import VersusReference, versus_reference
from pipelines.epidemiology.funnels import FunnelKind, FunnelLimits, funnel_frame, funnel_limits
from pipelines.epidemiology.intervals import (
    byar_limits,
    exact_poisson_limits,
    poisson,
    poisson_limits,
    wilson,
    wilson_limits,
)
from pipelines.epidemiology.rates import (
    crude_rate,
    crude_rate_frame,
    proportion_frame,
    repeat_event_rate,
)
from pipelines.epidemiology.results import Estimate, IndirectEstimate
from pipelines.epidemiology.standard_population import (
    merged_weights,
    read_standard_population,
)
from pipelines.epidemiology.standardisation import (
    directly_standardised_frame,
    directly_standardised_rate,
    indirectly_standardised,
    indirectly_standardised_frame,
)

__all__ = [
    "Estimate",
    "FunnelKind",
    "FunnelLimits",
    "IndirectEstimate",
    "VersusReference",
    "byar_limits",
    "crude_rate",
    "crude_rate_frame",
    "directly_standardised_frame",
    "directly_standardised_rate",
    "exact_poisson_limits",
    "funnel_frame",
    "funnel_limits",
    "indirectly_standardised",
    "indirectly_standardised_frame",
    "merged_weights",
    "poisson",
    "poisson_limits",
    "proportion_frame",
    "read_standard_population",
    "repeat_event_rate",
    "versus_reference",
    "wilson",
    "wilson_limits",
]
