"""Recognise, judge and complete Norwegian national identity numbers, a column at a time.

Belongs here: the canonical form of an eleven-digit identifier, its kind (national number, D-number,
help numbers, synthetic series), its check digits under today's rule and the rule of 2032, and the
reason why one is refused.

Does not belong here: anything that derives sex, age or birth date from a number (take those from
the register's own fields: from 2032 a number no longer tells them), pseudonyms
(``anonymization.pseudonyms``), and storage. No error or reason ever holds an identifier.

Sources: Forskrift til folkeregisterloven (2017-07-14 nr. 1201) chapter 2 on the make-up of national
numbers and D-numbers; Skatteetaten on the check digits from 2032 and on Tenor test data (month
+ 80); Norsk helsenett on help numbers (H: month + 40, FH: first digit 8 or 9) and reserved test
persons (month + 65); NAV's synthetic persons (month + 40).
"""

from typing import Final, Literal, get_args, overload

import polars as pl

Profile = Literal["production", "test"]
Regime = Literal["before_2032", "from_2032"]
MonthPlus40 = Literal["refuse", "h_number", "synthetic_nav"]

Kind = Literal[
    "fodselsnummer",
    "d_number",
    "h_number",
    "fh_number",
    "h_number_or_synthetic_nav",
    "synthetic_tenor",
    "synthetic_nhn",
    "synthetic_nav",
    "synthetic_tenor_d_number",
    "synthetic_nhn_d_number",
    "synthetic_nav_d_number",
]
Reason = Literal[
    "missing",
    "not_digits",
    "lost_leading_zero",
    "wrong_length",
    "impossible_date",
    "impossible_individual_number",
    "wrong_first_check_digit",
    "wrong_second_check_digit",
    "ambiguous_series",
    "synthetic_in_production",
    "not_synthetic_in_test",
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
REASONS: Final[tuple[str, ...]] = get_args(Reason)

# Weights of the check digits, the check digit itself last.
_WEIGHTS_1: Final = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_WEIGHTS_2: Final = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_LENGTH: Final = 11


@overload
def classify(
    identifiers: pl.Series,
    profile: Profile = ...,
    *,
    regime: Regime = ...,
    month_plus_40: MonthPlus40 = ...,
) -> pl.DataFrame: ...
@overload
def classify(
    identifiers: pl.Expr,
    profile: Profile = ...,
    *,
    regime: Regime = ...,
    month_plus_40: MonthPlus40 = ...,
) -> pl.Expr: ...
def classify(
    identifiers: pl.Series | pl.Expr,
    profile: Profile = "production",
    *,
    regime: Regime = "before_2032",
    month_plus_40: MonthPlus40 = "refuse",
) -> pl.DataFrame | pl.Expr:
    """Tell what each identifier is, and why one is refused.

    Args:
        identifiers: Strings as delivered; spaces are ignored.
        profile: ``production`` refuses every synthetic series (a test person among patients),
            ``test`` refuses everything else (a real person in a test).
        regime: ``before_2032`` asks both weighted sums to be 0 modulo 11. ``from_2032`` lets the
            first be 0, 1, 2 or 3, and no longer reads a century from the individual number; every
            number valid before is valid still. FH-numbers hold no date and keep the old rule.
        month_plus_40: What a month raised by 40 means in this source. H-numbers and NAV's synthetic
            persons look the same, so unless the source says which it uses, neither profile
            takes them (``ambiguous_series``).

    Returns:
        For a series a frame with one row per identifier, for an expression a struct of the same
        fields: ``canonical`` (eleven digits, null when refused for its form), ``kind`` (one of
        ``KINDS``; null unless the number is well-formed) and ``reason`` (one of ``REASONS``; null
        when the number is accepted).

    Raises:
        ValueError: If an option is not one of those named above.
    """
    _require_option("profile", profile, get_args(Profile))
    _require_option("regime", regime, get_args(Regime))
    _require_option("month_plus_40", month_plus_40, get_args(MonthPlus40))
    if isinstance(identifiers, pl.Series):
        frame = identifiers.cast(pl.String).alias("raw").to_frame()
        return _classified(frame, profile, regime, month_plus_40)
    return identifiers.cast(pl.String).map_batches(
        lambda column: _classified(
            column.alias("raw").to_frame(), profile, regime, month_plus_40
        ).to_struct(column.name),
        return_dtype=pl.Struct({"canonical": pl.String, "kind": pl.String, "reason": pl.String}),
        is_elementwise=True,
    )


def canonical(identifiers: pl.Expr) -> pl.Expr:
    """Remove every white space; nothing else is mended.

    A number that lost its leading zero in a spreadsheet is not padded: ten digits may as well be a
    typing error, so ``classify`` refuses it with a reason of its own.
    """
    return identifiers.cast(pl.String).str.replace_all(r"\s", "")


def complete_check_digits(nine_digits: pl.Series) -> pl.Series:
    """Add both check digits to nine digits of a synthetic series.

    Args:
        nine_digits: Strings ``DDMMYYIII`` with the month raised by 80 (Tenor) or 65 (NHN); the day
            may be raised by 40 (D-number). Nulls stay null.

    Returns:
        Strings of eleven digits, valid under today's rule and that of 2032; null where the nine
        digits have no check digits (about one in six).

    Raises:
        ValueError: If some value is not nine digits of a synthetic series. Numbers that could be
            a person's are never made.
    """
    parts = _with_number(nine_digits.cast(pl.String).alias("digits").to_frame(), "digits", 9)
    month = pl.col("number") // 10**5 % 100
    synthetic = month.is_between(66, 77) | month.is_between(81, 92)
    unfit = parts.filter(
        pl.col("digits").is_not_null() & ~(pl.col("number").is_not_null() & synthetic)
    ).height
    if unfit:
        raise ValueError(
            f"complete_check_digits: {unfit} of {parts.height} values are not nine digits of a "
            "synthetic series; expected DDMMYYIII with 80 (or 65) added to the month. Numbers of "
            "real series are not made."
        )
    first = _check_digit(pl.col("number"), _WEIGHTS_1[:-1])
    second = _check_digit(pl.col("number") * 10 + pl.col("k1"), _WEIGHTS_2[:-1])
    completed = parts.with_columns(k1=first).with_columns(k2=second)
    return completed.select(
        pl.concat_str(pl.col("digits"), pl.col("k1"), pl.col("k2")).alias(nine_digits.name)
    ).to_series()


def _require_option(name: str, got: str, allowed: tuple[str, ...]) -> None:
    if got not in allowed:
        raise ValueError(f"{name}: expected one of {', '.join(allowed)}; got {got!r}.")


def _with_number(frame: pl.DataFrame, column: str, length: int) -> pl.DataFrame:
    # \d would let digits of other scripts through.
    digits = pl.col(column).str.contains(f"^[0-9]{{{length}}}$")
    return frame.with_columns(
        number=pl.when(digits).then(pl.col(column)).cast(pl.Int64, strict=False)
    )


def _digits(number: pl.Expr, length: int) -> list[pl.Expr]:
    return [number // 10 ** (length - 1 - place) % 10 for place in range(length)]


def _weighted_remainder(number: pl.Expr, weights: tuple[int, ...]) -> pl.Expr:
    terms = zip(_digits(number, len(weights)), weights, strict=True)
    return pl.sum_horizontal([digit * weight for digit, weight in terms]) % 11


def _check_digit(number: pl.Expr, weights: tuple[int, ...]) -> pl.Expr:
    wanted = (11 - _weighted_remainder(number, weights)) % 11
    # A remainder of ten has no digit; and a sum over nulls is zero, not null.
    return pl.when(number.is_not_null() & (wanted < 10)).then(wanted)


def _classified(
    frame: pl.DataFrame, profile: Profile, regime: Regime, month_plus_40: MonthPlus40
) -> pl.DataFrame:
    frame = _with_number(frame.select(text=canonical(pl.col("raw"))), "text", _LENGTH)
    frame = _with_date_parts(frame, regime).with_columns(flaw=_flaw(regime))
    kind = pl.when(pl.col("flaw").is_null()).then(_kind(month_plus_40))
    return frame.with_columns(kind=kind).select(
        canonical=pl.when(pl.col("number").is_not_null()).then(pl.col("text")),
        kind=pl.col("kind"),
        reason=pl.coalesce("flaw", _refusal(profile)),
    )


def _with_date_parts(frame: pl.DataFrame, regime: Regime) -> pl.DataFrame:
    number = pl.col("number")
    day = number // 10**9
    month = number // 10**7 % 100
    return frame.with_columns(
        fh=day >= 80,
        d=day.is_between(41, 71),
        month=month,
        yy=number // 10**5 % 100,
        individual=number // 100 % 1000,
    ).with_columns(
        day=day - pl.when("d").then(40).otherwise(0),
        raised=_month_raise(),
        century=_century() if regime == "before_2032" else pl.lit(0),
    )


def _month_raise() -> pl.Expr:
    month = pl.col("month")
    return (
        pl.when(month.is_between(1, 12))
        .then(0)
        .when(month.is_between(41, 52))
        .then(40)
        .when(month.is_between(66, 77))
        .then(65)
        .when(month.is_between(81, 92))
        .then(80)
    )


def _century() -> pl.Expr:
    individual, yy = pl.col("individual"), pl.col("yy")
    return (
        pl.when(individual < 500)
        .then(1900)
        .when(yy < 40)
        .then(2000)
        .when((individual < 750) & (yy >= 54))
        .then(1800)
        .when(individual >= 900)
        .then(1900)
    )


def _date_exists() -> pl.Expr:
    month, yy = pl.col("month") - pl.col("raised"), pl.col("yy")
    # Of the years ending in 00 only 1900 is no leap year; without a century the doubt is given.
    leap = (yy % 4 == 0) & ~((yy == 0) & (pl.col("century") == 1900))
    length = (
        pl.when(month == 2)
        .then(28 + leap.cast(pl.Int64))
        .when(month.is_in([4, 6, 9, 11]))
        .then(30)
        .otherwise(31)
    )
    return pl.col("raised").is_not_null() & pl.col("day").is_between(1, length)


def _flaw(regime: Regime) -> pl.Expr:
    text, fh = pl.col("text"), pl.col("fh")
    first = _weighted_remainder(pl.col("number") // 10, _WEIGHTS_1)
    lenient = pl.lit(3 if regime == "from_2032" else 0)
    return (
        pl.when(text.is_null() | (text == ""))
        .then(pl.lit("missing"))
        .when(~text.str.contains("^[0-9]+$"))
        .then(pl.lit("not_digits"))
        .when(text.str.len_bytes() == _LENGTH - 1)
        .then(pl.lit("lost_leading_zero"))
        .when(text.str.len_bytes() != _LENGTH)
        .then(pl.lit("wrong_length"))
        .when(~fh & pl.col("century").is_null())
        .then(pl.lit("impossible_individual_number"))
        .when(~fh & ~_date_exists())
        .then(pl.lit("impossible_date"))
        .when(first > pl.when(fh).then(0).otherwise(lenient))
        .then(pl.lit("wrong_first_check_digit"))
        .when(_weighted_remainder(pl.col("number"), _WEIGHTS_2) != 0)
        .then(pl.lit("wrong_second_check_digit"))
    )


def _kind(month_plus_40: MonthPlus40) -> pl.Expr:
    d, raised = pl.col("d"), pl.col("raised")
    ambiguous = "h_number_or_synthetic_nav" if month_plus_40 == "refuse" else month_plus_40
    base = (
        pl.when(raised == 80)
        .then(pl.lit("synthetic_tenor"))
        .when(raised == 65)
        .then(pl.lit("synthetic_nhn"))
        # No H-number is a D-number, so this one is NAV's whatever the source uses.
        .when((raised == 40) & d)
        .then(pl.lit("synthetic_nav"))
        .when(raised == 40)
        .then(pl.lit(ambiguous))
    )
    return (
        pl.when("fh")
        .then(pl.lit("fh_number"))
        .when(raised == 0)
        .then(pl.when(d).then(pl.lit("d_number")).otherwise(pl.lit("fodselsnummer")))
        .when(d)
        .then(pl.concat_str(base, pl.lit("_d_number")))
        .otherwise(base)
    )


def _refusal(profile: Profile) -> pl.Expr:
    kind = pl.col("kind")
    synthetic = kind.str.starts_with("synthetic")
    refused, reason = (
        (synthetic, "synthetic_in_production")
        if profile == "production"
        else (~synthetic, "not_synthetic_in_test")
    )
    return (
        pl.when(kind == "h_number_or_synthetic_nav")
        .then(pl.lit("ambiguous_series"))
        .when(refused)
        .then(pl.lit(reason))
    )
