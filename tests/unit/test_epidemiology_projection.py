"""Projected need: scenarios, moved care, its uncertainty, and how wrong it would have been."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.epidemiology import (
    ConstantUse,
    HealthierAgeing,
    MovedShare,
    backtest,
    moved_need,
    poisson,
    projected_need,
)
from tests.support.epidemiology_figures import AGES, NOW, USE


def test_need_by_hand() -> None:
    later = [1000, 1000, 1000, 1000]
    got = projected_need(USE, NOW, [NOW, later])
    assert got.value[0] == pytest.approx(sum(USE))
    assert got.value[1] == pytest.approx(1000 * (0.01 + 40 / 900 + 0.15 + 0.6))
    assert got.lower[0] == pytest.approx(poisson(470).lower)
    assert got.upper[0] == pytest.approx(poisson(470).upper)
    assert len(got.to_frame()) == 2


def test_healthier_ageing_moves_use_to_later_ages() -> None:
    """Five of ten gained years: the oldest use what is read half-way to the band below."""
    healthier = HealthierAgeing(AGES, [10.0])
    only_oldest = [0, 0, 0, 500]
    got = projected_need(USE, NOW, only_oldest, scenario=healthier)
    middles = [71.0, 77.5, 85.0, 95.0]
    rate = np.interp(middles[3] - 5.0, middles, [u / n for u, n in zip(USE, NOW, strict=True)])
    assert got.value[0] == pytest.approx(500 * rate)
    same = projected_need(USE, NOW, NOW, scenario=HealthierAgeing(AGES, [0.0]))
    assert same.value[0] == pytest.approx(sum(USE))
    two_sexes = HealthierAgeing([*AGES, *AGES], [10.0])
    both = projected_need(USE * 2, NOW * 2, only_oldest * 2, scenario=two_sexes)
    assert both.value[0] == pytest.approx(2 * got.value[0])


def test_a_moved_share_is_found_again_elsewhere() -> None:
    home = projected_need(USE, NOW, [NOW, NOW])
    ward = projected_need([5, 10, 20, 40], NOW, [NOW, NOW])
    left, taken = moved_need(ward, home, 0.2, exchange=3.0)
    assert left.value == pytest.approx((60.0, 60.0))
    assert taken.value == pytest.approx((470 + 45.0, 470 + 45.0))
    policy = projected_need([5, 10, 20, 40], NOW, [NOW], scenario=MovedShare(0.2))
    assert policy.value[0] == left.value[0]
    few = projected_need([1, 1, 1, 1], NOW, [NOW, NOW])
    assert moved_need(few, home, 0.5)[1].reason == ("too_few_events",) * 2


def test_an_uncertain_projection_widens_the_interval() -> None:
    sure = projected_need(USE, NOW, NOW)
    unsure = projected_need(USE, NOW, NOW, projected_errors=[50, 50, 50, 100])
    assert unsure.value == sure.value
    spread = 1.959964 * (0.01 * 50 + 40 / 900 * 50 + 0.15 * 50 + 0.6 * 100)
    assert unsure.upper[0] - 470 == pytest.approx(np.hypot(sure.upper[0] - 470, spread), rel=1e-6)


def test_a_backtest_publishes_its_error() -> None:
    people = [NOW, NOW, [n * 1.1 for n in NOW]]
    steady = backtest([USE, USE, [u * 1.1 for u in USE]], people, 1)
    assert (steady.value, steady.bias) == pytest.approx((0.0, 0.0))
    assert steady.covered == 1.0
    falling = backtest([USE, USE, [u * 0.55 for u in USE]], people, 2, scenario=ConstantUse())
    assert (falling.value, falling.bias) == pytest.approx((100.0, 100.0))
    assert falling.covered == 0.0
    assert backtest([[1, 0], [1, 0]], [[9, 9], [9, 9]], 1).reason == "too_few_events"
