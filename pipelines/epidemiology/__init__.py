"""The statistics: pure functions, no file, no clock.

Each method is a function of plain numbers (`wilson`, `crude_rate` …), which takes lists and
Polars series too, and where strata come in thousands the same method over a frame (`*_frame`).
A method that does not apply answers without a value and with a reason; what is no sensible
input is an error that names the argument. The page ``docs/explanation/statistics.md`` tells
how each figure is computed.

Belongs here: statistical method. Does not belong here: what is counted, who may see it, and
how it is rounded for publication. The formulae and their sources stand with the functions;
every one is held to a published example in ``tests/spec``.
"""

from pipelines.epidemiology.backtest import Backtest, backtest
from pipelines.epidemiology.comparison import VersusReference, versus_reference
from pipelines.epidemiology.control_charts import ControlChart, control_chart
from pipelines.epidemiology.funnel_points import (
    FunnelCurve,
    FunnelPlace,
    funnel_curve,
    funnel_places,
)
from pipelines.epidemiology.funnels import FunnelKind, FunnelLimits, funnel_frame, funnel_limits
from pipelines.epidemiology.inequality import (
    InequalityIndex,
    relative_index_of_inequality,
    slope_index_of_inequality,
)
from pipelines.epidemiology.inequality_strata import inequality_frame
from pipelines.epidemiology.intervals import (
    byar_limits,
    exact_poisson_limits,
    poisson,
    poisson_limits,
    wilson,
    wilson_limits,
)
from pipelines.epidemiology.mortality import (
    LifeExpectancy,
    life_expectancy,
    life_expectancy_frame,
)
from pipelines.epidemiology.periods import PooledEstimate, pooled_frame, pooled_rate
from pipelines.epidemiology.projection import (
    ConstantUse,
    HealthierAgeing,
    MovedShare,
    Scenario,
    moved_need,
    projected_need,
)
from pipelines.epidemiology.rates import (
    crude_rate,
    crude_rate_frame,
    proportion_frame,
    repeat_event_rate,
)
from pipelines.epidemiology.results import Estimate, Estimates, IndirectEstimate
from pipelines.epidemiology.shrinkage import (
    ShrinkageError,
    ShrunkenEstimates,
    empirical_bayes,
    shrinkage_error,
)
from pipelines.epidemiology.standard_population import (
    common_bands,
    merged_weights,
    read_standard_population,
)
from pipelines.epidemiology.standardisation import (
    directly_standardised_frame,
    directly_standardised_rate,
    indirectly_standardised,
    indirectly_standardised_frame,
)
from pipelines.epidemiology.trends import RecentTrend, recent_trend, recent_trend_frame

__all__ = [
    "Backtest",
    "ConstantUse",
    "ControlChart",
    "Estimate",
    "Estimates",
    "FunnelCurve",
    "FunnelKind",
    "FunnelLimits",
    "FunnelPlace",
    "HealthierAgeing",
    "IndirectEstimate",
    "InequalityIndex",
    "LifeExpectancy",
    "MovedShare",
    "PooledEstimate",
    "RecentTrend",
    "Scenario",
    "ShrinkageError",
    "ShrunkenEstimates",
    "VersusReference",
    "backtest",
    "byar_limits",
    "common_bands",
    "control_chart",
    "crude_rate",
    "crude_rate_frame",
    "directly_standardised_frame",
    "directly_standardised_rate",
    "empirical_bayes",
    "exact_poisson_limits",
    "funnel_curve",
    "funnel_frame",
    "funnel_limits",
    "funnel_places",
    "indirectly_standardised",
    "indirectly_standardised_frame",
    "inequality_frame",
    "life_expectancy",
    "life_expectancy_frame",
    "merged_weights",
    "moved_need",
    "poisson",
    "poisson_limits",
    "pooled_frame",
    "pooled_rate",
    "projected_need",
    "proportion_frame",
    "read_standard_population",
    "recent_trend",
    "recent_trend_frame",
    "relative_index_of_inequality",
    "repeat_event_rate",
    "shrinkage_error",
    "slope_index_of_inequality",
    "versus_reference",
    "wilson",
    "wilson_limits",
]
