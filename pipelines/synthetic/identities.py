"""Numbers, names and addresses of persons: plausible, synthetic, and nobody's.

Belongs here: what identifies a person in an extract. Does not belong here: anything counted.

National numbers are of the synthetic series of Norwegian test registers (month + 80). Family
and street names are compounds that the project makes up; telephone numbers begin with 0, which
no subscriber's number does.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from anonymization.identifiers import complete_check_digits
from pipelines.synthetic.days import Bools, Ints, year_of

_GIVEN_FEMALE = (
    "Anna", "Berit", "Dagny", "Eli", "Frida", "Gerd", "Hilde", "Ingrid", "Jorunn", "Kari",
    "Liv", "Marit", "Nora", "Oddny", "Ragnhild", "Signe", "Tora", "Unni", "Vigdis", "Åse",
)  # fmt: skip
_GIVEN_MALE = (
    "Arne", "Bjørn", "Dag", "Einar", "Finn", "Geir", "Håkon", "Ivar", "Jens", "Kåre",
    "Lars", "Magne", "Nils", "Odd", "Per", "Rolf", "Sverre", "Tor", "Ulf", "Øystein",
)  # fmt: skip
_STEMS = (
    "Alm", "Berk", "Dyrs", "Elg", "Fiks", "Gran", "Hegg", "Isk", "Jord", "Klokk", "Lerk", "Myrk",
    "Nypp", "Orrk", "Plomm", "Rogn", "Selj", "Tirilt", "Ulv", "Vassk", "Ymse", "Ærf", "Ørrk",
    "Åkerr",
)  # fmt: skip
_MIDDLES = (
    "ebekk", "efjell", "egard", "ehaug", "elund", "emark", "enes", "erud", "eskog", "estrand",
    "etjern", "evatn", "evik", "evoll", "eås",
)  # fmt: skip
_ENDS = ("brekka", "dalo", "hella", "kroken", "lykkja", "moa", "sletta", "tangen", "teigo", "øyno")
_STREETS = ("vegen", "gata", "stien", "tunet")
_SERIES = 250
_FIRST_OF_2000 = 500


def national_numbers(birth: Ints, sex: Ints, d_number: Bools) -> pl.Series:
    """Make one valid synthetic national number for each person.

    Args:
        birth: Day of birth.
        sex: 0 female (even third digit of the individual number), 1 male (odd).
        d_number: Whether the number is a D-number (day + 40).

    Returns:
        Eleven-digit strings, unique, month + 80.

    Raises:
        ValueError: If a birth date has more persons of a sex than the series has numbers.
    """
    group = (birth * 2 + sex) * 2 + d_number
    order = np.argsort(group, kind="stable")
    distinct, sizes = np.unique(group, return_counts=True)
    # One candidate in six has no check digits: draw enough for nearly all, then all there are.
    frame = _free_numbers(distinct, sizes, np.minimum(sizes + sizes // 2 + 8, _SERIES))
    found = np.bincount(frame["owner"].to_numpy(), minlength=distinct.size)
    short = found < sizes
    if short.any():
        rest = _free_numbers(distinct, np.where(short, sizes, 0), np.where(short, _SERIES, 0))
        kept = frame.filter(~pl.Series(short).gather(frame["owner"]))
        frame = pl.concat([kept, rest]).sort("owner", "rank")
    if frame.height != birth.size:
        raise ValueError(
            f"national_numbers: {birth.size - frame.height} persons find no free number on their "
            "birth date; choose a smaller scale."
        )
    numbers = frame["number"]
    position = np.empty(order.size, dtype=np.int64)
    position[order] = np.arange(order.size)
    return numbers.gather(pl.Series(position)).alias("number")


def _free_numbers(distinct: Ints, sizes: Ints, wanted: Ints) -> pl.DataFrame:
    """The first ``sizes`` valid ones among ``wanted`` candidates: owner, rank, number."""
    owner = np.repeat(np.arange(distinct.size), wanted)
    step = np.arange(owner.size) - np.repeat(np.cumsum(wanted) - wanted, wanted)
    completed = complete_check_digits(_candidates(distinct[owner], step))
    return (
        pl.DataFrame({"owner": owner, "number": completed})
        .drop_nulls("number")
        .with_columns(rank=pl.int_range(pl.len()).over("owner"))
        .join(pl.DataFrame({"owner": np.arange(distinct.size), "size": sizes}), on="owner")
        .filter(pl.col("rank") < pl.col("size"))
        .sort("owner", "rank")
        .select("owner", "rank", "number")
    )


def _candidates(group: Ints, step: Ints) -> pl.Series:
    rest, d_number = np.divmod(group, 2)
    birth, sex = np.divmod(rest, 2)
    # 7 and 250 have no common factor: each step meets a new number of the series.
    individual = ((birth * 31 + step * 7) % _SERIES) * 2 + sex
    dates = birth.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    year = year_of(birth)
    individual = np.where(year >= 2000, individual + _FIRST_OF_2000, individual)
    day = (dates - months).astype(np.int64) + 1 + 40 * d_number
    month = months.astype(np.int64) % 12 + 1 + 80
    digits = ((day * 100 + month) * 100 + year % 100) * 1000 + individual
    return pl.Series("digits", digits).cast(pl.String).str.zfill(9)


def identity_columns(rng: np.random.Generator, sex: Ints) -> pl.DataFrame:
    """Names and telephone numbers.

    Args:
        rng: Random stream.
        sex: 0 female, 1 male.

    Returns:
        One row a person: ``given``, ``family``, ``phone``.
    """
    size = sex.size
    female = _pick(rng, _GIVEN_FEMALE, size)
    male = _pick(rng, _GIVEN_MALE, size)
    phone = pl.Series(rng.integers(0, 10**7, size)).cast(pl.String).str.zfill(7)
    return pl.DataFrame({"sex": sex, "f": female, "m": male, "phone": phone}).select(
        pl.when(pl.col("sex") == 0).then("f").otherwise("m").alias("given"),
        _compound(rng, size).alias("family"),
        pl.concat_str(pl.lit("+47 0"), "phone").alias("phone"),
    )


def address_columns(rng: np.random.Generator, size: int) -> pl.DataFrame:
    """Address lines and what identifies a property.

    Returns:
        One row an address: ``line``, ``postal_code`` (text), ``farm`` and ``unit`` (cadastral
        numbers).
    """
    parts = pl.DataFrame(
        {
            "name": _compound(rng, size),
            "street": _pick(rng, _STREETS, size),
            "house": rng.integers(1, 180, size),
            "postal": rng.integers(6000, 7999, size),
            "farm": rng.integers(1, 999, size),
            "unit": rng.integers(1, 9999, size),
        }
    )
    return parts.select(
        pl.concat_str("name", "street", pl.lit(" "), "house").alias("line"),
        pl.col("postal").cast(pl.String).alias("postal_code"),
        "farm",
        "unit",
    )


def _compound(rng: np.random.Generator, size: int) -> pl.Series:
    return (
        pl.DataFrame(
            {
                "stem": _pick(rng, _STEMS, size),
                "middle": _pick(rng, _MIDDLES, size),
                "end": _pick(rng, _ENDS, size),
            }
        )
        .select(pl.concat_str("stem", "middle", "end").alias("name"))
        .to_series()
    )


def _pick(rng: np.random.Generator, values: tuple[str, ...], size: int) -> pl.Series:
    return pl.Series(values).gather(pl.Series(rng.integers(0, len(values), size)))
