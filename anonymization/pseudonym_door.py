"""The pseudonym door: from rows with direct identifiers to pseudonymised, coded rows.

Belongs here: the rules a column passes by, the passing itself (a pure function of a frame, or of
Arrow batches for an engine that maps over them), and the redaction of location for persons whose
address is graded.

Does not belong here: reading deliveries, choosing the rules of an entity, writing quarantine or
restricted files. Nothing here reads or writes a file.

The door is an allow-list: a column that no rule names does not come out. Refused rows are told by
position and reason code alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import polars as pl
import pyarrow as pa

from anonymization.identifiers import MonthPlus40, Profile, Regime, classify
from anonymization.pseudonyms import Pseudonymiser

Action = Literal["keep", "pseudonym"]
FrameT = TypeVar("FrameT", pl.DataFrame, pl.LazyFrame)

_REJECTED_SCHEMA = pl.Schema({"row_index": pl.UInt32, "column": pl.String, "reason": pl.String})


class DoorContractError(ValueError):
    """The rules of an entity contradict themselves or do not fit its rows."""


@dataclass(frozen=True)
class ColumnRule:
    """How one column passes the door.

    Attributes:
        name: Column of the restricted table.
        source: Column of the delivered rows it comes from.
        action: ``keep`` lets the value through, ``pseudonym`` replaces it.
        domain: Kind of identifier, for pseudonyms only; see ``Pseudonymiser.column``.
        identifier: The value is a national identity number: it is judged before it is hashed, and
            a row with an invalid one is refused.
        reveals_location: The value tells where a person lives or is treated. It is removed for
            persons whose address is graded.
        required: A row without the value is refused (reason ``missing``).
        domains: Where the domain depends on what a row is about: the column that tells it, and the
            domain by its value. A row with another value is refused (reason ``missing``).

    Raises:
        DoorContractError: If the attributes contradict each other.
    """

    name: str
    source: str
    action: Action = "keep"
    domain: str | None = None
    identifier: bool = False
    reveals_location: bool = False
    required: bool = False
    domains: tuple[str, Mapping[str, str]] | None = None

    def __post_init__(self) -> None:
        if self.action not in get_args(Action):
            raise DoorContractError(
                f"Column {self.name!r}: action must be keep or pseudonym, got {self.action!r}."
            )
        if self.action == "pseudonym" and (self.domain is None) == (self.domains is None):
            raise DoorContractError(
                f"Column {self.name!r}: a pseudonym needs one domain, or one by another column."
            )
        if self.action == "keep" and (self.identifier or self.domain or self.domains):
            raise DoorContractError(
                f"Column {self.name!r}: an identifier is never kept as it is. Use action pseudonym."
            )


@dataclass(frozen=True)
class DoorResult:
    """What came through the door.

    Attributes:
        frame: Accepted rows in their order; the columns of the rules, in the order of the rules.
        rejected: One row per refused row: ``row_index`` (position in the rows given, from 0),
            ``column`` (of the first rule that refused it) and ``reason`` (a code of
            ``anonymization.identifiers.REASONS``). No values.
    """

    frame: pl.DataFrame
    rejected: pl.DataFrame


def pass_door(
    frame: pl.DataFrame,
    rules: Sequence[ColumnRule],
    pseudonymiser: Pseudonymiser,
    profile: Profile,
    graded: pl.Series | None = None,
    *,
    subject: str = "patient_key",
    regime: Regime = "before_2032",
    month_plus_40: MonthPlus40 = "refuse",
) -> DoorResult:
    """Let the named columns of a table of rows through, identifiers as pseudonyms.

    Args:
        frame: Rows as parsed, one per resource.
        rules: What may pass; every other column is dropped.
        pseudonymiser: Makes the pseudonyms.
        profile: ``production`` or ``test``; see ``identifiers.classify``.
        graded: Pseudonyms (values of ``subject``) of persons with a graded address. Rows whose
            subject is unknown lose their location too, since they may be such a person's.
        subject: Column of the restricted table that tells whom a row is about. Needed only when
            some rule reveals location.
        regime: Rule of the check digits; see ``identifiers.classify``.
        month_plus_40: What a month raised by 40 means in this source.

    Returns:
        The accepted rows and the positions of the refused ones; together all rows given.

    Raises:
        DoorContractError: If the rules do not fit each other or the frame.
    """
    _check_rules(frame.schema, rules, subject)
    columns: list[pl.Series] = []
    refusals: list[pl.Series] = []
    for rule in rules:
        values = frame.get_column(rule.source)
        reason = None
        if rule.action == "pseudonym":
            values, reason = _presentable(values, rule, profile, regime, month_plus_40)
            if rule.domains is None:
                values = pseudonymiser.column(values, domain=rule.domain or "")
            else:
                values = _by_domain(values, frame.get_column(rule.domains[0]), rule, pseudonymiser)
        if reason is None and rule.required:
            reason = _missing(values)
        columns.append(values.alias(rule.name))
        # Nearly always nothing is refused, and then nothing is to be looked through.
        if reason is not None and reason.null_count() < reason.len():
            refusals.append(reason.alias(rule.name))
    accepted = pl.DataFrame(columns)
    if not refusals:
        rejected = pl.DataFrame(schema=_REJECTED_SCHEMA)
    else:
        refused = pl.DataFrame(refusals)
        rejected = _first_refusal(refused)
        accepted = accepted.filter(
            refused.select(pl.all_horizontal(pl.all().is_null())).to_series()
        )
    return DoorResult(redact(accepted, graded, rules, subject=subject), rejected)


def redact(
    frame: FrameT,
    graded: pl.Series | None,
    rules: Sequence[ColumnRule],
    *,
    subject: str = "patient_key",
) -> FrameT:
    """Remove what reveals the location of persons with a graded address.

    Used by the door, and again over what is already in the restricted zone when a grading arrives
    after the rows it concerns. Doing it twice changes nothing.

    Args:
        frame: Rows of a restricted table, eager or lazy.
        graded: Pseudonyms of the persons, in the domain of ``subject``.
        rules: The rules the table passed by.
        subject: Column that tells whom a row is about.

    Returns:
        The same rows; for the graded persons and where the subject is unknown, the columns that
        reveal location are null.
    """
    revealing = [rule.name for rule in rules if rule.reveals_location]
    if not revealing:
        return frame
    keys = pl.Series(dtype=pl.String) if graded is None else graded.cast(pl.String)
    hidden = pl.col(subject).is_in(keys.drop_nulls().implode()).fill_null(value=True)
    return frame.with_columns(pl.when(~hidden).then(pl.col(name)).alias(name) for name in revealing)


def arrow_door(
    rules: Sequence[ColumnRule],
    pseudonymiser: Pseudonymiser,
    profile: Profile,
    graded: pl.Series | None = None,
    *,
    emit: Literal["accepted", "rejected"] = "accepted",
    subject: str = "patient_key",
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The door as a function over Arrow batches, as Spark's ``mapInArrow`` takes it.

    An engine that maps batches to batches has one output, so what is refused comes from a second
    pass with ``emit="rejected"``; its ``row_index`` counts within the iterator given.

    Args:
        rules: See ``pass_door``.
        pseudonymiser: See ``pass_door``.
        profile: See ``pass_door``.
        graded: See ``pass_door``.
        emit: Which of the two results to yield.
        subject: See ``pass_door``.

    Returns:
        A function from an iterator of batches to an iterator of batches.

    Raises:
        ValueError: If ``emit`` is not one of the two.
    """
    if emit not in ("accepted", "rejected"):
        raise ValueError(f"emit: expected accepted or rejected; got {emit!r}.")

    def through(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        seen = 0
        for batch in batches:
            frame = pl.DataFrame(pa.Table.from_batches([batch]))
            result = pass_door(frame, rules, pseudonymiser, profile, graded, subject=subject)
            passed = (
                result.frame
                if emit == "accepted"
                else result.rejected.with_columns(pl.col("row_index") + seen)
            )
            seen += frame.height
            # The oldest Arrow types: not every engine reads string views.
            table = passed.to_arrow(compat_level=pl.CompatLevel.oldest())
            yield from table.combine_chunks().to_batches()

    return through


def _check_rules(schema: pl.Schema, rules: Sequence[ColumnRule], subject: str) -> None:
    names = [rule.name for rule in rules]
    if not names or len(set(names)) != len(names):
        raise DoorContractError("The rules must name at least one column, and each only once.")
    if any(rule.reveals_location for rule in rules) and subject not in names:
        raise DoorContractError(
            f"Some column reveals location, but no rule makes {subject!r}, by which graded "
            "addresses are found. Add it to the rules."
        )
    for rule in rules:
        if rule.source not in schema:
            raise DoorContractError(
                f"Column {rule.name!r} comes from {rule.source!r}, which the rows do not have. "
                "Check the entity's fields against the delivery."
            )
        dtype = schema[rule.source]
        if dtype.is_nested() or dtype in (pl.Object, pl.Binary):
            raise DoorContractError(
                f"Column {rule.source!r} is {dtype}: only plain values pass, since a nested one "
                "would carry along fields that no rule names. Take out the field that is meant."
            )
        if rule.action == "pseudonym" and dtype not in (pl.String, pl.Null):
            raise DoorContractError(
                f"Column {rule.source!r} is {dtype}: identifiers must be strings, or their leading "
                "zeros are lost."
            )


def _presentable(
    values: pl.Series,
    rule: ColumnRule,
    profile: Profile,
    regime: Regime,
    month_plus_40: MonthPlus40,
) -> tuple[pl.Series, pl.Series | None]:
    """Identifiers in canonical form, null where there is none or it is refused; reasons, if any."""
    if rule.identifier:
        judged = classify(
            values.cast(pl.String), profile, regime=regime, month_plus_40=month_plus_40
        )
        tolerated = pl.lit(rule.required) | (pl.col("reason") != "missing")
        judged = judged.with_columns(refusal=pl.when(tolerated).then(pl.col("reason")))
        accepted = pl.when(pl.col("reason").is_null()).then(pl.col("canonical"))
        return judged.select(value=accepted).to_series(), judged["refusal"]
    # A blank reference would give all its rows one and the same pseudonym.
    text = values.cast(pl.String).str.strip_chars()
    blank = text == ""
    return text.set(blank, None) if blank.any() else text, None


def _by_domain(
    values: pl.Series, kinds: pl.Series, rule: ColumnRule, pseudonymiser: Pseudonymiser
) -> pl.Series:
    """Pseudonyms of values whose domain another column tells; null where it tells none."""
    nothing = result = pl.Series([None], dtype=pl.String).new_from_index(0, values.len())
    for kind, domain in sorted((rule.domains or ("", {}))[1].items()):
        theirs = kinds.eq(kind).fill_null(value=False)
        if theirs.any():
            made = pseudonymiser.column(values.zip_with(theirs, nothing), domain=domain)
            result = made.zip_with(theirs, result)
    return result


def _missing(values: pl.Series) -> pl.Series | None:
    """Reason of every row without a value; none where all have one."""
    if not values.null_count():
        return None
    return (
        values.alias("value")
        .to_frame()
        .select(pl.when(pl.col("value").is_null()).then(pl.lit("missing")))
        .to_series()
    )


def _first_refusal(refused: pl.DataFrame) -> pl.DataFrame:
    """One row per refused row, told by the first rule that refuses it."""
    column = pl.coalesce(
        pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in refused.columns
    )
    return (
        refused.select(
            row_index=pl.int_range(pl.len(), dtype=pl.UInt32),
            column=column,
            reason=pl.coalesce(pl.all()),
        )
        .filter(pl.col("reason").is_not_null())
        .cast(_REJECTED_SCHEMA)
    )
