"""What has been published, exactly: the guard against giving something away by publishing again.

Belongs here: keeping each release's exact counts and statuses in the restricted zone, and
refusing a release that would let a reader subtract one from the other. Does not belong here:
the audit within one release (``anonymization.tables``).
"""

from __future__ import annotations

import polars as pl

from pipelines.publication.rates import CELL
from pipelines.settings import Zones, atomic_write

# A new version of an indicator counts the same persons: it can be subtracted like any other.
KEYS = tuple(name for name in CELL if name != "indicator_version")
EXACT = ("numerator", "denominator")


class LedgerError(RuntimeError):
    """A release that, beside an earlier one, would tell more than either alone."""


def refuse_changed_counts(zones: Zones, exact: pl.DataFrame, release_id: str) -> None:
    """Refuse a release that shares a cell with an earlier one and differs in it.

    A changed exact count, or a cell that was hidden and is now shown, can be subtracted from
    what was published before. Until releases are audited together, neither may happen. For the same
    reason municipalities that are shown together must be so in every release.

    Args:
        zones: The zones, whose ledger holds every published release.
        exact: One row per cell of the new release: the key columns, ``numerator``,
            ``denominator`` (exact) and ``is_shown``.
        release_id: The new release; a release is never compared with itself.

    Raises:
        LedgerError: Names the earlier release, the number of cells and the indicators.
    """
    for path in sorted(zones.ledger.glob("*.parquet")):
        if path.stem == release_id:
            continue
        before = pl.read_parquet(path)
        if "period_type" not in before.columns:  # a release from before there were months
            before = before.with_columns(period_type=pl.lit("year"))
        shared = exact.join(before, on=KEYS, how="inner", suffix="_before")
        differs = pl.any_horizontal(
            pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in (*EXACT, "is_shown")
        )
        changed = shared.filter(differs)
        if regrouped := _regrouped(exact, before):
            raise LedgerError(
                f"Release {release_id} is refused: {regrouped} municipalities are in another group "
                f"than in release {path.stem}. Beside the old groups the new ones could be "
                "subtracted. Keep the policy's minimum and the reference tables as they were."
            )
        if recut := _recut(exact, before):
            raise LedgerError(
                f"Release {release_id} is refused: {recut} periods have other borders than in "
                f"release {path.stem}. Beside each other the counts of two border sets could be "
                "subtracted. Keep FOLKEPULS_BORDER_SET as it was, or publish by other borders in a "
                "home of its own (FOLKEPULS_HOME)."
            )
        if changed.height:
            names = ", ".join(changed["indicator_id"].unique().sort().to_list())
            raise LedgerError(
                f"Release {release_id} is refused: {changed.height} of {shared.height} cells that "
                f"it shares with release {path.stem} have another count or another status "
                f"(indicators: {names}). Published beside each other they could be subtracted. "
                "Find out what changed. A change in deliveries, or in what is counted together, "
                "cannot be published beside that release; try it in a home of its own "
                "(FOLKEPULS_HOME)."
            )


def _regrouped(exact: pl.DataFrame, before: pl.DataFrame) -> int:
    """Municipalities that are merged with others than before, for some indicator."""

    def members(cells: pl.DataFrame) -> pl.DataFrame:
        return (
            cells.filter(pl.col("area_code").str.contains("+", literal=True))
            .select("indicator_id", group="area_code", member=pl.col("area_code").str.split("+"))
            .unique()
            .explode("member")
        )

    both = members(exact).join(members(before), on=["indicator_id", "member"], suffix="_before")
    return both.filter(pl.col("group") != pl.col("group_before"))["member"].n_unique()


def _recut(exact: pl.DataFrame, before: pl.DataFrame) -> int:
    """Periods of both that are cut to other borders in the one than in the other."""
    cut = ["period_type", "period_start", "border_set"]
    both = exact.select(cut).unique().join(before.select(cut).unique(), on=cut[:2], suffix="_then")
    return both.filter(pl.col("border_set") != pl.col("border_set_then")).height


def enter(zones: Zones, exact: pl.DataFrame, release_id: str) -> None:
    """Enter a published release into the ledger.

    Args:
        zones: The zones.
        exact: As for :func:`refuse_changed_counts`.
        release_id: The release.
    """
    with atomic_write(zones.ledger / f"{release_id}.parquet") as path:
        exact.select(*CELL, *EXACT, "is_shown").sort(KEYS).write_parquet(path)
