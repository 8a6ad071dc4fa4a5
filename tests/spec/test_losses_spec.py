"""The five losses on a table small enough to work by hand, and searches that need care.

Definitions: Xu et al. 2006 (ncp), the "loss" of ARX (coverage), Gionis and Tassa 2009 (entropy),
Bayardo and Agrawal 2005 (discernibility), LeFevre, DeWitt and Ramakrishnan 2006 (aecs).
"""

import math

import polars as pl
import pytest

from anonymization.hierarchies import Hierarchy
from anonymization.microdata import anonymize
from anonymization.policies import MicrodataPolicy, QuasiIdentifier, SensitiveAttribute

PLACES = Hierarchy.tree({"p": "N", "q": "N", "r": "S", "N": "*", "S": "*"})
# Four in p, two in q, one in r: k=2 lets p and q stay and suppresses r.
FRAME = pl.DataFrame({"place": ["p"] * 4 + ["q"] * 2 + ["r"]})
N = 7


def made(frame=FRAME, k=2, limit=0.2, **options):
    return anonymize(
        frame,
        MicrodataPolicy(
            k=k,
            quasi_identifiers=[QuasiIdentifier("place", PLACES)],
            suppression_limit=limit,
            **options,
        ),
    )


def entropy_of(*costs):
    everything = 4 * math.log(7 / 4) + 2 * math.log(7 / 2) + math.log(7)
    return sum(costs) / everything


@pytest.mark.parametrize(
    ("loss", "aggregate", "with_suppression", "without"),
    [
        # One of seven suppressed at level 0; or all in * at level 2.
        ("ncp", "mean", 1 / N, 1.0),
        ("coverage", "mean", (6 * (1 / 3) + 1) / N, 1.0),
        ("coverage", "geometric", (6 * (1 / 3) + 1) / N, 1.0),
        ("entropy", "mean", entropy_of(math.log(7)), 1.0),
        ("discernibility", "mean", (16 + 4 + N) / N**2, 1.0),
        ("aecs", "mean", N / 2 / 2, N / 1 / 2),
    ],
)
def test_each_loss_by_hand(loss, aggregate, with_suppression, without):
    one = made(loss=loss, aggregate=aggregate)
    assert (one.suppressed, one.levels) == (1, {"place": 0})
    assert one.loss == pytest.approx(with_suppression, abs=1e-12)
    none = made(loss=loss, aggregate=aggregate, limit=0.0)
    assert (none.suppressed, none.levels) == (0, {"place": 2})
    assert none.loss == pytest.approx(without, abs=1e-12)
    assert none.report.evidence.best_loss == none.loss


def test_the_geometric_mean_of_two_attributes():
    frame = pl.DataFrame({"place": ["p", "p", "q", "q"], "sex": ["f", "m", "f", "m"]})
    policy = MicrodataPolicy(
        k=2,
        quasi_identifiers=[
            QuasiIdentifier("place", PLACES, 3.0),
            QuasiIdentifier("sex", Hierarchy.suppress()),
        ],
        loss="coverage",
        aggregate="geometric",
    )
    result = anonymize(frame, policy)
    # Place stays (1/3 covered), sex goes (all covered), against place in N (2/3), sex stays (1/2).
    assert result.levels == {"place": 0, "sex": 1}
    assert result.loss == pytest.approx((1 / 3) ** 0.75, abs=1e-12)


def test_losses_may_choose_differently():
    # Level 1 has no failing class and two classes of different value to each measure.
    frame = pl.DataFrame({"place": ["p"] * 3 + ["q"] + ["r"] * 3})
    assert made(frame, k=3, loss="ncp", limit=0.0).levels == {"place": 1}
    assert made(frame, k=3, loss="ncp", limit=0.2).levels == {"place": 0}
    assert made(frame, k=3, loss="discernibility", limit=0.2).levels == {"place": 1}


MIXED = Hierarchy.tree({"a": "one", "b": "one", "c": "two", "d": "two", "one": "all", "two": "all"})
NOT_MONOTONE = pl.DataFrame(
    {
        "q": ["a"] * 4 + ["b"] * 40 + ["c"] * 4 + ["d"] * 4,
        "s": ["x", "x", "y", "y"] + ["x"] * 40 + ["x", "y"] * 4,
    }
)


def entropy_policy(limit):
    return MicrodataPolicy(
        k=2,
        quasi_identifiers=[QuasiIdentifier("q", MIXED)],
        sensitive=[SensitiveAttribute("s", 1.9, "entropy")],
        suppression_limit=limit,
    )


def test_a_coarser_node_may_suppress_more_where_the_model_is_not_monotone():
    # Level 0: a, c and d hold, b does not (40 of 52). Level 1: b drags a along (44 of 52).
    made = anonymize(NOT_MONOTONE, entropy_policy(40 / 52 + 0.001))
    assert (made.suppressed, made.levels) == (40, {"q": 0})


def test_twin_ruling_out_by_a_coarser_node_would_miss_it():
    # The twin is the rule that is right for k alone: level 1 suppresses 44, more than the 40
    # allowed, so level 0 would be ruled out as well, and nothing would be left.
    coarser = NOT_MONOTONE.with_columns(q=pl.col("q").replace({"a": "one", "b": "one"}))
    by_class = coarser.group_by("q").agg(pl.len(), share=(pl.col("s") == "x").mean())
    lopsided = by_class.filter(pl.col("share") > 0.9)["len"].sum()
    assert lopsided == 44 > 40


def test_order_of_enumerations_and_dates_are_their_own():
    frame = pl.DataFrame(
        {
            "q": ["a"] * 3 + ["b"] * 3,
            "s": pl.Series(["low", "mid", "high"] * 2, dtype=pl.Enum(["low", "mid", "high"])),
        }
    )
    close = SensitiveAttribute("s", t=0.0, distance="ordered")
    policy = MicrodataPolicy(
        k=3, quasi_identifiers=[QuasiIdentifier("q", Hierarchy.suppress())], sensitive=[close]
    )
    assert anonymize(frame, policy).levels == {"q": 0}


def test_more_than_64_bits_of_quasi_identifiers():
    # Nine columns of 200 values: 69 bits. Rows differ from their neighbour in the first alone.
    rows = 400
    frame = pl.DataFrame(
        {f"q{i}": [(n if i == 0 else n // 2) % 200 for n in range(rows)] for i in range(9)}
    )
    policy = MicrodataPolicy(
        k=2,
        quasi_identifiers=[
            QuasiIdentifier(f"q{i}", Hierarchy.intervals([2]) if i == 0 else None) for i in range(9)
        ],
    )
    made = anonymize(frame, policy)
    assert made.levels["q0"] == 1
    assert (made.report.smallest_class, made.suppressed) == (2, 0)
