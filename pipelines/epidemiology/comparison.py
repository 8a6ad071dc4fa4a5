"""An area's interval beside a reference value.

Belongs here: the wording-free verdict ``higher``, ``lower``, ``similar``. Does not belong
here: whether higher is better, and any talk of causes.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

VersusReference = Literal["higher", "lower", "similar", "not_compared"]


def versus_reference(lower: str, upper: str, reference: str) -> pl.Expr:
    """Where an interval lies against a reference value.

    The reference is taken as fixed, as for a region of which the area is a small part.

    Args:
        lower: Column of lower limits.
        upper: Column of upper limits.
        reference: Column of reference values, same unit.

    Returns:
        Expression ``higher`` (interval wholly above), ``lower`` (wholly below), ``similar``
        (it holds the reference), ``not_compared`` (something is null).
    """
    known = pl.all_horizontal(pl.col(lower, upper, reference).is_not_null())
    return (
        pl.when(~known)
        .then(pl.lit("not_compared"))
        .when(pl.col(lower) > pl.col(reference))
        .then(pl.lit("higher"))
        .when(pl.col(upper) < pl.col(reference))
        .then(pl.lit("lower"))
        .otherwise(pl.lit("similar"))
    )
