"""The ingest gate's checks, as an asset that everything downstream waits for.

Belongs here: turning check results into Dagster's verdicts. Does not belong here: the checks
(``pipelines.checks``).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    MaterializeResult,
    asset,
)

from pipelines.assets.journal import OWNERS, TABLES
from pipelines.assets.measure import Measure
from pipelines.catalogue.entities import restricted_tables
from pipelines.checks.model import CheckResult
from pipelines.checks.run import check_journal
from pipelines.ingest.completeness import delivery_gaps
from pipelines.resources import FolkepulsResource

KEY = AssetKey(["quality", "journal"])
WHOLE = "deliveries_are_whole"


def verdict(results: Iterable[CheckResult], name: str, key: AssetKey) -> AssetCheckResult:
    """One Dagster verdict of many check results; an error in a check is no pass.

    Args:
        results: Results of one table's checks.
        name: Name of the Dagster check.
        key: Asset that the check is about.
    """
    entries = list(results)
    red = [entry for entry in entries if entry.status != "pass"]
    blocking = [entry for entry in red if entry.severity == "error"]
    return AssetCheckResult(
        check_name=name,
        asset_key=key,
        passed=not red,
        severity=AssetCheckSeverity.ERROR if blocking else AssetCheckSeverity.WARN,
        metadata={
            "checks": len(entries),
            "red": len(red),
            "red_checks": ", ".join(sorted(entry.check_id for entry in red)) or "none",
        },
    )


@asset(
    key=KEY,
    deps=[AssetKey(["journal", table]) for table in TABLES],
    check_specs=[
        AssetCheckSpec(
            f"{table}_keeps_its_contract",
            asset=KEY,
            blocking=True,
            description=f"Great Expectations on {table}: columns, types, codes, keys.",
        )
        for table in restricted_tables()
    ]
    + [
        AssetCheckSpec(
            WHOLE,
            asset=KEY,
            blocking=True,
            description="Nothing was refused, and every organisation has delivered every year.",
        )
    ],
    group_name="quality",
    owners=OWNERS,
    kinds={"great_expectations"},
)
def journal_quality(
    context: AssetExecutionContext, folkepuls: FolkepulsResource
) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
    """Check that all is in and keeps its contract; a red error stops the flow."""
    measure = Measure()
    results = check_journal(folkepuls.zones(), context.run_id)
    yield MaterializeResult(asset_key=KEY, metadata=measure.of(len(results)))
    for table in restricted_tables():
        rows = [entry for entry in results if entry.table_name == table]
        yield verdict(rows, f"{table}_keeps_its_contract", KEY)
    settings = folkepuls.settings()
    gaps = delivery_gaps(folkepuls.zones(), settings.inbox_url, settings.as_of)
    yield AssetCheckResult(
        check_name=WHOLE,
        asset_key=KEY,
        passed=not gaps,
        metadata={"gaps": len(gaps), "what": "; ".join(gaps) or "none"},
    )
