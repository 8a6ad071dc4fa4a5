"""A region of the size that is published: municipalities, sexes, ages, linked tables.

Synthetic persons only; deterministic by seed.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from anonymization.tables.system import LinkedSystem

SHARE = {
    "0-17": (0.21, 0.02),
    "18-44": (0.34, 0.05),
    "45-66": (0.28, 0.10),
    "67-79": (0.12, 0.20),
    "80+": (0.05, 0.35),
}


def strata(seed: int, municipalities: int, persons: int, rate: float) -> pl.DataFrame:
    """One row per municipality × sex × age: numerator and denominator, persons."""
    rng = np.random.default_rng(seed)
    size = rng.lognormal(0, 1.1, municipalities)
    size = persons * size / size.sum()
    rows = [
        (f"m{m:03d}", sex, age, share * size[m] / 2, rate * risk)
        for m in range(municipalities)
        for sex in ("female", "male")
        for age, (share, risk) in SHARE.items()
    ]
    rows += [
        ("rest", sex, age, 40 * share, rate * risk)
        for sex in ("female", "male")
        for age, (share, risk) in SHARE.items()
    ]
    frame = pl.DataFrame(rows, schema=["area", "sex", "age", "expected", "risk"], orient="row")
    people = rng.poisson(frame["expected"].to_numpy())
    cases = rng.binomial(people, np.minimum(frame["risk"].to_numpy(), 1))
    return frame.select("area", "sex", "age").with_columns(
        pl.Series("denominator", people), pl.Series("numerator", cases)
    )


def figures(base: pl.DataFrame) -> pl.DataFrame:
    """Strata of every published figure: area or region × sex or total × age or total."""
    long = base.with_columns(
        areas=pl.concat_list("area", pl.lit("region")),
        sexes=pl.concat_list("sex", pl.lit("total")),
        ages=pl.concat_list("age", pl.lit("total")),
    )
    for column in ("areas", "sexes", "ages"):
        long = long.explode(column)
    return long.with_columns(figure=pl.concat_str("areas", "sexes", "ages", separator="|"))


def region_system(
    seed: int = 1,
    municipalities: int = 67,
    persons: int = 75_000,
    rate: float = 1.0,
    public_denominator: bool = False,
) -> LinkedSystem:
    """Numerator, denominator and complement of one indicator and year as one linked system."""
    base = strata(seed, municipalities, persons, rate).with_columns(
        complement=pl.col("denominator") - pl.col("numerator"),
        stratum=pl.concat_str("area", "sex", "age", separator="|"),
    )
    long = figures(base)
    totals = long.group_by("figure", "areas", "sexes", "ages").agg(
        pl.col("numerator", "denominator", "complement").sum()
    )
    parts = (
        {"n": "numerator"}
        if public_denominator
        else {"n": "numerator", "c": "complement", "d": "denominator"}
    )
    weight = (
        pl.when(pl.col("areas") == "region").then(50.0).otherwise(1.0)
        * pl.when(pl.col("sexes") == "total").then(3.0).otherwise(1.0)
        * pl.when(pl.col("ages") == "total").then(5.0).otherwise(1.0)
    )
    cells = pl.concat(
        totals.select(
            cell_id=pl.lit(f"{part}:") + pl.col("figure"),
            value=pl.col(column).cast(pl.Float64),
            persons=pl.col(column),
            complement_persons=pl.lit(None, pl.Int64)
            if part == "d"
            else pl.col("complement" if part == "n" else "numerator"),
            denominator_persons=pl.col("denominator"),
            weight=weight,
            publishable=(pl.col("areas") != "rest") & pl.lit(part != "c"),
            group=pl.col("figure") if part != "c" else pl.lit("c:") + pl.col("figure"),
        )
        for part, column in parts.items()
    )
    unknowns = {"n": ("n",), "c": ("c",), "d": ("n", "c")}
    terms = pl.concat(
        long.select(
            cell_id=pl.lit(f"{part}:") + pl.col("figure"),
            variable_id=pl.lit(f"{unknown}:") + pl.col("stratum"),
            coefficient=pl.lit(1.0),
        )
        for part in parts
        for unknown in unknowns[part]
    )
    bound = (
        pl.col("denominator").cast(pl.Float64) if public_denominator else pl.lit(None, pl.Float64)
    )
    variables = pl.concat(
        base.select(variable_id=pl.lit(f"{u}:") + pl.col("stratum"), upper_bound=bound)
        for u in (("n",) if public_denominator else ("n", "c"))
    )
    return LinkedSystem(variables=variables, cells=cells, terms=terms)
