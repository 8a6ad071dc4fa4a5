"""The first k-anonymous table for analysts: one row per person and year.

Belongs here: the making of that table from restricted person-years and the strata. Does not belong
here: the strata themselves (``anonymization.partition``), general recoding
(``anonymization.microdata``), reading and writing.

What protects a person in it:

* the quasi-identifiers year, municipality, sex and age stratum are shared by at least k persons of
  the same year (k-anonymity); what the strata cannot reach is left out;
* a coded attribute is shown in such a class only if at least l different values are known in it,
  else it is removed for the whole class (distinct l-diversity);
* pseudonyms are made for one release and recipient and change from year to year, so that neither
  two releases nor two years of a person can be joined;
* persons without a municipality (graded addresses) are left out: a class of their own would tell
  who they are;
* rows are ordered by what is shown, so their order tells nothing.

What remains: the coded attributes are no quasi-identifiers, so a reader who already knows what care
a person gets may find the row; and where an attribute was removed, a reader may guess that all
values are the commonest one. The table is personal data in law, for local use under agreement,
never a publication.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from anonymization.keys import Key
from anonymization.microdata import anonymize
from anonymization.partition import OPEN_END
from anonymization.policies import MicrodataPolicy, QuasiIdentifier, SensitiveAttribute
from anonymization.pseudonyms import Pseudonymiser
from anonymization.risk import assess
from anonymization.verdict import violations

PERSON_YEAR_QUASI_IDENTIFIERS: Final = ("year", "municipality_code", "sex", "age_from", "age_to")
FIRST_ATTRIBUTES: Final = (
    SensitiveAttribute("diabetes"),
    SensitiveAttribute("home_nursing"),
    SensitiveAttribute("long_stay"),
    SensitiveAttribute("emergency_stays"),
)
"""Coded attributes of the first table, each to be shown with at least two known values."""

_KEY: Final = "person_year_key"
_REQUIRED: Final = ("year", "municipality_code", "sex", "age")


@dataclass(frozen=True)
class PersonYears:
    """The table and what became of the person-years given; counts only beside the table.

    Attributes:
        table: See ``person_years``.
        person_years: Person-years given.
        without_municipality: Left out because the person has no municipality.
        suppressed: Left out because fewer than k persons share the class.
        classes: Classes of equal quasi-identifiers in the table.
        smallest_class: Persons in the smallest of them; null when the table is empty.
        suppressed_values: Person-years whose value was removed, by attribute.
    """

    table: pl.DataFrame = field(repr=False)
    person_years: int
    without_municipality: int
    suppressed: int
    classes: int
    smallest_class: int | None
    suppressed_values: Mapping[str, int]


def person_years(
    frame: pl.DataFrame | pl.LazyFrame,
    strata: pl.DataFrame,
    *,
    key: Key,
    release: str,
    recipient: str,
    k: int = 5,
    sensitive: Sequence[SensitiveAttribute] = FIRST_ATTRIBUTES,
    suppression_limit: float = 0.05,
    person: str = "person_id",
) -> PersonYears:
    """Make the k-anonymous table of person-years.

    Args:
        frame: One row per person and year: the person's restricted pseudonym, ``year``,
            ``municipality_code`` (null for graded addresses), ``sex``, ``age`` (whole years at the
            end of the year) and the coded attributes. Other columns are dropped.
        strata: Age strata, as ``k_anonymous_strata`` makes them; rows of municipalities are used.
        key: Secret key of the pseudonyms.
        release: Name of the release.
        recipient: Whom the table is for.
        k: Least number of persons of a class, within each year.
        sensitive: Coded attributes, with the least number of values known in each class. Missing
            values are not counted: where all others share one value, that one would be told.
        suppression_limit: Greatest share (0 to 1) of the placed person-years that may be left out.
        person: Column of the restricted pseudonym.

    Returns:
        A table of one row per person and year: ``person_year_key`` (32 hexadecimal digits),
        ``year``, ``municipality_code``, ``sex``, ``age_from`` and ``age_to`` (years, inclusive;
        199: no upper end), then each attribute with ``<attribute>_status``: ``ok``, ``missing``
        (not known of this person) or ``suppressed`` (removed for the class; the value is null).
        Sorted by the columns from ``year`` to ``age_to``, then by key.

    Raises:
        ValueError: If columns are missing, a person has two rows in a year, a year, sex or age is
            missing, or a person lives in an area, or has an age, without a stratum.
        NoSolutionError: If more than the limit would have to be left out.
    """
    if not release or not recipient:
        raise ValueError("person_years: both the release and its recipient must be named.")
    data = frame.lazy().collect()
    _check(data, [attribute.name for attribute in sensitive], person)
    placed = _with_strata(data.filter(pl.col("municipality_code").is_not_null()), strata)
    policy = MicrodataPolicy(
        k=k,
        # No hierarchies: the strata are as coarse as need be, and years are never merged.
        quasi_identifiers=tuple(map(QuasiIdentifier, PERSON_YEAR_QUASI_IDENTIFIERS)),
        insensitive=(person, *(attribute.name for attribute in sensitive)),
        suppression_limit=suppression_limit,
    )
    anonymous = anonymize(placed, policy)
    shown = anonymous.table.with_columns(
        column for attribute in sensitive for column in _protected(attribute)
    )
    table = _with_new_pseudonyms(shown, person, key, release, recipient).select(
        _KEY,
        *PERSON_YEAR_QUASI_IDENTIFIERS,
        *(column for a in sensitive for column in (a.name, f"{a.name}_status")),
    )
    return PersonYears(
        table=table.sort(*PERSON_YEAR_QUASI_IDENTIFIERS, _KEY),
        person_years=data.height,
        without_municipality=data.height - placed.height,
        suppressed=anonymous.suppressed,
        classes=anonymous.report.classes,
        smallest_class=anonymous.report.smallest_class,
        suppressed_values={
            a.name: table.filter(pl.col(f"{a.name}_status") == "suppressed").height
            for a in sensitive
        },
    )


def person_years_violations(
    table: pl.DataFrame, k: int, sensitive: Sequence[SensitiveAttribute] = FIRST_ATTRIBUTES
) -> list[str]:
    """What a finished table of person-years does not hold to, measured from its rows alone.

    Args:
        table: The table, as it was read back from its file.
        k: Least number of persons of a class, within each year.
        sensitive: Coded attributes, with the least number of values known in each class.

    Returns:
        One sentence for each violation; empty when it holds. Columns and numbers only.

    Raises:
        ColumnError: If a column is missing.
    """
    policy = MicrodataPolicy(
        k=k,
        quasi_identifiers=tuple(map(QuasiIdentifier, PERSON_YEAR_QUASI_IDENTIFIERS)),
        sensitive=tuple(sensitive),
    )
    # A value that was removed for the class, or is not known, tells nothing.
    report = assess(table, PERSON_YEAR_QUASI_IDENTIFIERS, sensitive, missing="unknown")
    return violations(report, policy)


def _check(data: pl.DataFrame, attributes: Sequence[str], person: str) -> None:
    missing = [c for c in (person, *_REQUIRED, *attributes) if c not in data.columns]
    if missing:
        raise ValueError(f"person_years: columns missing: {', '.join(missing)}.")
    unfit = data.filter(pl.any_horizontal(pl.col(person, "year", "sex", "age").is_null())).height
    if unfit:
        raise ValueError(
            f"person_years: {unfit} of {data.height} rows lack person, year, sex or age. Leave "
            "them out where person-years are made, and count them there."
        )
    repeated = data.height - data.select(person, "year").n_unique()
    if repeated:
        raise ValueError(
            f"person_years: {repeated} rows repeat a person within a year; k counts persons, so "
            "each person needs exactly one row per year."
        )


def _with_strata(placed: pl.DataFrame, strata: pl.DataFrame) -> pl.DataFrame:
    bands = strata.filter(pl.col("area_level") == "municipality").select(
        pl.col("area_code").alias("municipality_code"),
        "sex",
        pl.col("age_from").cast(pl.Int32),
        # Whoever marks a stratum by an end beyond the open one means the open end here.
        pl.col("age_to").cast(pl.Int32).clip(upper_bound=OPEN_END),
    )
    joined = (
        placed.with_columns(pl.col("age").cast(pl.Int32))
        .sort("age")
        .join_asof(
            bands.sort("age_from"),
            left_on="age",
            right_on="age_from",
            by=["municipality_code", "sex"],
            strategy="backward",
            coalesce=False,
            # Both sides are sorted just above; within groups it cannot be checked.
            check_sortedness=False,
        )
    )
    outside = joined.filter((pl.col("age") <= pl.col("age_to")).fill_null(value=False).not_())
    if outside.height:
        raise ValueError(
            f"person_years: {outside.height} of {placed.height} person-years fall in no stratum of "
            "their municipality and sex. Make the strata from the same persons."
        )
    return joined


def _protected(attribute: SensitiveAttribute) -> tuple[pl.Expr, pl.Expr]:
    value = pl.col(attribute.name)
    known = value.drop_nulls().n_unique().over(PERSON_YEAR_QUASI_IDENTIFIERS)
    diverse = known >= attribute.l
    status = (
        pl.when(~diverse)
        .then(pl.lit("suppressed"))
        .when(value.is_null())
        .then(pl.lit("missing"))
        .otherwise(pl.lit("ok"))
    )
    return pl.when(diverse).then(value), status.alias(f"{attribute.name}_status")


def _with_new_pseudonyms(
    table: pl.DataFrame, person: str, key: Key, release: str, recipient: str
) -> pl.DataFrame:
    # The length keeps ("a", "b:c") and ("a:b", "c") apart.
    pseudonymiser = Pseudonymiser(key, purpose=f"microdata:{len(release)}:{release}:{recipient}")
    text = pl.col(person).cast(pl.String)
    years = table.select("year", text).partition_by("year", maintain_order=True)
    mapping = [
        year.with_columns(
            pseudonymiser.column(year[person], domain=f"person-year {year['year'][0]}").alias(_KEY)
        )
        for year in years
    ]
    empty = pl.DataFrame(schema={"year": table["year"].dtype, person: pl.String, _KEY: pl.String})
    return table.with_columns(text).join(
        pl.concat([empty, *mapping]), on=["year", person], how="left", maintain_order="left"
    )
