"""Figures in which more persons are counted than the register has: none is given, none is betrayed.

Over public denominators of the register a municipality may have more in the numerator than below
it. These are small marts with such cells, and what becomes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from anonymization.tables import TableError, audit_system, protect_system
from anonymization.tables.system import LinkedSystem
from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.checks.run import check_published
from pipelines.publication.build import Candidate, build
from pipelines.publication.figures import Marts
from pipelines.publication.policy import table_policy
from pipelines.publication.reaudit import audit_files
from pipelines.publication.release import write_candidate
from pipelines.publication.systems import AuditGroup, linked_systems
from pipelines.settings import Zones, reference_dir
from tests.support.library_warnings import ignoring_library_warnings
from tests.support.publication_marts import small_region
from tests.support.small_candidate import ORIGIN

pytestmark = ignoring_library_warnings

SHARE = "portal_active_users_share"
STANDARD = "home_nursing_users_per_1000"
"""Over all ages: the standard population is taken from it."""
WOMEN_80 = (
    (pl.col("area_code") == "5001") & (pl.col("sex") == "female") & (pl.col("age_from") >= 80)
)
WOMEN_45 = (
    (pl.col("area_code") == "5001")
    & (pl.col("sex") == "female")
    & pl.col("age_from").is_between(45, 66)
)
ALL_OF_5006 = pl.col("area_code") == "5006"
FEW = (pl.col("area_code") == "5006") & (pl.col("sex") == "female") & (pl.col("age_from") >= 80)


def registered(marts: Marts, which: pl.Expr, lacking: float, least: float = 0.0) -> Marts:
    """Marts whose public denominators are so many persons below the numerators, stratum by stratum.

    The other columns are what the mart makes of it (``fct_indicator_counts``).
    """
    fewer = (pl.col("indicator_id") == SHARE) & which & (pl.col("numerator") > 0)
    low = (pl.col("numerator") - lacking).clip(lower_bound=least)
    counts = marts.indicator_counts.with_columns(
        denominator=pl.when(fewer).then(low).otherwise("denominator")
    ).with_columns(
        denominator_persons=pl.when(fewer)
        .then(pl.col("denominator").cast(pl.Int64))
        .otherwise("denominator_persons"),
        complement_persons=pl.when(fewer)
        .then((pl.col("denominator") - pl.col("numerator")).cast(pl.Int64))
        .otherwise("complement_persons"),
    )
    return Marts(counts, marts.flow_counts, marts.coverage, marts.strata_map)


@dataclass(frozen=True, repr=False)
class Published:
    marts: Marts
    entries: Catalogue
    candidate: Candidate

    @property
    def values(self) -> pl.DataFrame:
        return self.candidate.tables["indicator_values"]


@cache
def whole() -> Marts:
    found = small_region().marts
    mine = [SHARE, STANDARD]

    def of(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter(pl.col("indicator_id").is_in(mine))

    return Marts(
        of(found.indicator_counts), of(found.flow_counts), of(found.coverage), found.strata_map
    )


def entries() -> Catalogue:
    known = catalogue()
    return Catalogue({one: known.indicators[one] for one in (SHARE, STANDARD)}, known.policies)


def published(marts: Marts) -> Published:
    known = entries()
    return Published(marts, known, build(marts, known, reference_dir(), range(2024, 2025)))


@pytest.fixture(scope="module")
def one_group() -> Published:
    """Women of 45 to 66 in one municipality: three more than are registered in each stratum."""
    return published(registered(whole(), WOMEN_45, 3.0, least=1.0))


@pytest.fixture(scope="module")
def everybody() -> Published:
    """A municipality in which each stratum has more active users than registered inhabitants."""
    return published(registered(whole(), ALL_OF_5006, 1.0, least=1.0))


def row(found: Published, area: str, sex: str, ages: str, kind: str = "crude") -> dict[str, object]:
    return found.values.row(
        by_predicate=(pl.col("indicator_id") == SHARE)
        & (pl.col("area_code") == area)
        & (pl.col("sex") == sex)
        & (pl.col("age_group") == ages)
        & (pl.col("value_kind") == kind),
        named=True,
    )


NUMBERS = ("numerator", "denominator", "value", "lower_ci", "upper_ci")


@pytest.mark.parametrize("kind", ["crude", "direct_esp2013", "direct_region", "indirect"])
def test_no_share_is_given_of_more_than_there_are(kind: str, everybody: Published) -> None:
    told = row(everybody, "5006", "female", "total", kind)
    assert (told["value_status"], told["status_reason"]) == ("missing", "exceeds_register")
    assert [told[name] for name in NUMBERS] == [None] * len(NUMBERS)


def test_a_neighbour_and_a_whole_are_given_where_they_are_none(one_group: Published) -> None:
    told = row(one_group, "5001", "female", "45-66")
    assert (told["value_status"], told["status_reason"]) == ("missing", "exceeds_register")
    assert row(one_group, "5001", "male", "45-66")["value"] == 48.0
    both = row(one_group, "5001", "total", "45-66")
    assert (both["numerator"], both["denominator"], both["value"]) == (92.0, 132.0, 69.7)


def test_few_persons_are_hidden_and_not_told_to_exceed() -> None:
    """Three users where nobody is registered: that there are some is more than may be told."""
    few = whole().indicator_counts.with_columns(
        pl.when(FEW & (pl.col("indicator_id") == SHARE) & (pl.col("numerator") > 0))
        .then(1)
        .otherwise(name)
        .cast(whole().indicator_counts.schema[name])
        .alias(name)
        for name in ("numerator", "numerator_sq", "numerator_persons")
    )
    marts = Marts(few, whole().flow_counts, whole().coverage, whole().strata_map)
    marts = registered(marts, FEW, 1.0)
    rows = marts.indicator_counts.filter(FEW, pl.col("indicator_id") == SHARE)
    assert (rows["numerator"].sum(), rows["denominator"].sum()) == (3.0, 0.0)
    told = row(published(marts), "5006", "female", "80+")
    assert (told["value_status"], told["status_reason"]) == ("suppressed", "disclosure")


def test_more_than_all_of_a_small_group_is_hidden_as_all_of_it_is(everybody: Published) -> None:
    """Eight are registered: that everybody has it may not be told, nor that more have."""
    rows = everybody.marts.indicator_counts.filter(FEW, pl.col("indicator_id") == SHARE)
    assert (rows["numerator"].sum(), rows["denominator"].sum()) == (11.0, 8.0)
    told = row(everybody, "5006", "female", "80+")
    assert (told["value_status"], told["status_reason"]) == ("suppressed", "disclosure")


def test_such_a_release_keeps_its_contract_and_its_audit_finds_nothing(
    everybody: Published, one_group: Published, tmp_path: Path
) -> None:
    for found in (one_group, everybody):
        zones = Zones(tmp_path / str(id(found))).create()
        made = found.candidate
        release = write_candidate(zones, made.tables, made.exact, made.certificate, ORIGIN)
        folder = zones.releases / release
        audit = audit_files(folder, found.marts, found.entries)
        assert audit.ok
        assert audit.hidden > 0
    # Of either: it has the reason that the contract is to know.
    results = check_published(folder, "run", zones.steward, signed=False)
    assert [result.check_id for result in results if result.is_blocking] == []


# --- the bound that does not hold


def group_of(marts: Marts) -> AuditGroup:
    specs = list(entries().indicators.values())
    (found,) = [one for one in linked_systems(marts, specs) if SHARE in one.indicator_ids]
    return found


def bounds(marts: Marts) -> dict[str, float | None]:
    rows = group_of(marts).system.variables.iter_rows()
    return {name: bound for name, bound in rows if name.startswith("portal_active|")}


def test_a_register_that_has_fewer_bounds_nothing_there_and_all_else_as_before() -> None:
    before, after = bounds(whole()), bounds(registered(whole(), WOMEN_80, 3.0, least=1.0))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"portal_active|5001|female|80"}
    assert after["portal_active|5001|female|80"] is None


def with_naive_bounds(system: LinkedSystem, marts: Marts) -> LinkedSystem:
    """The register's numbers as bounds, whether they hold or not."""
    rows = marts.indicator_counts.filter(WOMEN_80, pl.col("indicator_id") == SHARE)
    here = pl.col("variable_id") == "portal_active|5001|female|80"
    return LinkedSystem(
        system.variables.with_columns(
            upper_bound=pl.when(here)
            .then(pl.lit(rows["denominator"].sum()))
            .otherwise("upper_bound")
        ),
        system.cells,
        system.terms,
    )


def test_the_audit_would_contradict_itself_with_that_bound() -> None:
    """The twin keeps it: what is shown then cannot be, and no audit is worth anything."""
    marts = registered(whole(), WOMEN_80, 3.0, least=1.0)
    group, policy = group_of(marts), table_policy(catalogue(), "default")
    protected = protect_system(group.system, policy)
    audit = audit_system(group.system, protected.cells, policy, exact=True)
    assert audit["ok"].all()
    hidden = audit.join(group.system.cells.select("cell_id", "value"), on="cell_id")
    assert hidden.filter(
        (pl.col("value") < pl.col("lower") - 1e-6) | (pl.col("value") > pl.col("upper") + 1e-6)
    ).is_empty()
    naive = with_naive_bounds(group.system, marts)
    everything = naive.cells.select("cell_id", status=pl.lit("ok"))
    one = pl.col("cell_id").str.contains("5001|female|80", literal=True)
    statuses = everything.with_columns(
        status=pl.when(one).then(pl.lit("suppressed")).otherwise("status")
    )
    with pytest.raises(TableError):
        audit_system(naive, statuses, policy)
