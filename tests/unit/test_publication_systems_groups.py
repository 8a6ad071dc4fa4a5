"""Which indicators are audited together, and which cannot be."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.catalogue.model import Indicator, KnownYears
from pipelines.publication.figures import Marts, figures
from pipelines.publication.quantities import (
    audit_groups,
    common_denominators,
    linked_indicators,
    quantities,
)
from pipelines.publication.systems import linked_systems
from tests.support.publication_marts import small_region, specs

DAYS = "ready_for_discharge_days_per_1000"
BED_SHARE = "ready_for_discharge_share_of_bed_days"
SAME_DAY = "ready_for_discharge_same_day_share"


def test_indicators_that_share_a_count_are_one_group() -> None:
    groups = audit_groups(
        specs(
            DAYS,
            BED_SHARE,
            SAME_DAY,
            "home_nursing_users_80plus_share",
            "home_nursing_users_per_1000",
            "emergency_admissions_per_1000",
        )
    )
    assert [[spec.id for spec in group] for group in groups] == [
        ["emergency_admissions_per_1000"],
        ["home_nursing_users_80plus_share", "home_nursing_users_per_1000"],
        [DAYS, BED_SHARE],
        [SAME_DAY],
    ]


def test_a_public_denominator_links_nothing() -> None:
    groups = audit_groups(specs("home_nursing_users_per_1000", "portal_active_users_share"))
    assert [len(group) for group in groups] == [1, 1]


def test_a_hidden_whole_is_its_part_and_the_complement() -> None:
    (linked,) = linked_indicators(specs(DAYS, BED_SHARE))
    parts = quantities(linked)
    rest = "bed_days-without-waiting_days"
    assert set(parts.unknowns.rows()) == {
        ("waiting_days", "waiting_days"),
        ("bed_days", "waiting_days"),
        ("bed_days", rest),
        (rest, rest),
    }


@pytest.mark.parametrize(("field", "value"), [("policy", "staff"), ("magnitude", False)])
def test_linked_indicators_must_be_alike(field: str, value: object) -> None:
    one, other = specs(DAYS, BED_SHARE)
    with pytest.raises(ValueError, match=f"must have the same {field}"):
        audit_groups([one, other.model_copy(update={field: value})])


def short_stays() -> list[Indicator]:
    """Two shares of one denominator."""
    (one,) = specs(BED_SHARE)
    part = one.numerator.model_copy(update={"measure": "short_stay_days"})
    return [one, one.model_copy(update={"id": "short_stay_share", "numerator": part})]


def test_a_denominator_of_several_parts_has_a_system_of_its_own() -> None:
    both = short_stays()
    assert common_denominators(both) == {"bed_days"}
    whole, *parts = linked_indicators(both)
    assert (whole.name, whole.members, len(whole.guests)) == ("bed_days", (), 2)
    assert [linked.name for linked in parts] == [BED_SHARE, "short_stay_share"]
    roles = quantities(parts[0]).roles.row(0, named=True)
    assert (roles["denominator_quantity"], roles["bounded"]) == (None, True)


def test_a_denominator_that_is_a_numerator_elsewhere_is_protected_there() -> None:
    (one,) = specs(BED_SHARE)
    whole = one.numerator.model_copy(update={"measure": "bed_days"})
    bigger = one.denominator.model_copy(update={"measure": "stay_days"})
    other = one.model_copy(update={"id": "x_share", "numerator": whole, "denominator": bigger})
    first, second = linked_indicators([one, other])
    assert (first.name, first.guests) == (BED_SHARE, ())
    assert (second.name, [guest.id for guest in second.guests]) == ("x_share", [BED_SHARE])


def test_a_part_of_another_numerator_is_linked_with_it() -> None:
    (one,) = specs("emergency_admissions_per_1000")
    named = {"measure": "acute_stays", "unit": "stays", "part_of": "emergency_stays"}
    part = one.model_copy(
        update={"id": "x_per_1000", "numerator": one.numerator.model_copy(update=named)}
    )
    (linked,) = linked_indicators([one, part])
    found = quantities(linked)
    rest = "emergency_stays-without-acute_stays"
    assert found.rests == [(rest, "x_per_1000", one.id)]
    assert set(found.unknowns.rows()) == {
        ("acute_stays", "acute_stays"),
        ("emergency_stays", "acute_stays"),
        ("emergency_stays", rest),
        (rest, rest),
    }


def test_a_quantity_is_split_in_one_way_only() -> None:
    (one,) = specs("emergency_admissions_per_1000")
    parts = [
        one.model_copy(
            update={
                "id": f"{name}_per_1000",
                "numerator": one.numerator.model_copy(
                    update={"measure": f"{name}_stays", "part_of": "emergency_stays"}
                ),
            }
        )
        for name in ("acute", "chronic")
    ]
    (linked,) = linked_indicators([one, *parts])
    with pytest.raises(ValueError, match="split in one way only"):
        quantities(linked)


def test_cells_of_a_figure_are_hidden_together_unless_shared() -> None:
    region = small_region()
    groups = {group.group_id: group for group in linked_systems(region.marts, specs())}
    forms = groups["portal_forms_answered_share|2024"].system.cells
    named = forms.filter(pl.col("publishable"), pl.col("cell_id").str.contains("5001"))
    sizes = named.group_by("group").len()["len"].unique().to_list()
    assert sizes == [2]
    days = groups[f"{DAYS}+{BED_SHARE}|2024"].system.cells
    assert days.filter(pl.col("group") != pl.col("cell_id")).is_empty()


def test_days_are_magnitudes_with_the_largest_share() -> None:
    region = small_region()
    (group,) = linked_systems(region.marts, specs(DAYS, BED_SHARE))
    cells = group.system.cells
    assert cells["magnitude"].all()
    assert cells.filter(pl.col("value") > 0)["largest_share"].null_count() == 0
    assert cells["largest_share"].max() <= 1.0


def test_a_year_that_cannot_be_computed_is_missing_and_has_no_cell() -> None:
    region = small_region()
    (spec,) = specs(DAYS)
    late = spec.model_copy(update={"known_years": KnownYears(first=2025, last=2026)})
    counted = figures(region.marts, [late])
    assert not counted["exact"].any()
    assert not counted["known"].any()
    assert linked_systems(region.marts, [late], counted) == []


def without(marts: Marts, **changes: pl.DataFrame) -> Marts:
    frames = {
        name: getattr(marts, name)
        for name in ("indicator_counts", "flow_counts", "coverage", "strata_map")
    }
    return Marts(**{**frames, **changes})


def test_what_the_marts_must_hold() -> None:
    marts = small_region().marts
    some = marts.coverage.filter(pl.col("indicator_id") != DAYS)
    with pytest.raises(ValueError, match=f"no rows for the indicators .*{DAYS}"):
        figures(without(marts, coverage=some), specs())
    unmapped = marts.strata_map.filter(pl.col("area_code") != "5001")
    with pytest.raises(ValueError, match="1 covered areas have no strata"):
        figures(without(marts, strata_map=unmapped), specs())
