"""Table 07459: its variables as expected, and its cells in the register's own form.

Belongs here: what the table's codes mean. Does not belong here: asking for it (``fetch``).

Statistics Norway, table 07459: persons on 1 January by municipality, sex and year of age. Age is
that reached by the day before, so it is the age by the end of the year before. The count is of
those registered, persons with a graded address among them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pipelines.clients.json_stat import Dataset, Dimension, Structure
from pipelines.clients.population_register.errors import RegisterError

TABLE = "07459"
REGION, SEX, AGE, CONTENT, TIME = "Region", "Kjonn", "Alder", "ContentsCode", "Tid"
VARIABLES = (REGION, SEX, AGE, CONTENT, TIME)
PERSONS = "Personer1"
SUMMED = "agg_KommSummer"
"""Codelist of today's municipalities with what they were put together from; codes ``K-0301``."""
SUMMED_PREFIX = "K-"

SCHEMA = pl.Schema(
    {
        "municipality": pl.String(),
        "sex": pl.String(),
        "age": pl.Int32(),
        "top_coded": pl.Boolean(),
        "on_date": pl.Date(),
        "persons": pl.Int64(),
        "status": pl.String(),
    }
)
"""A register in its own form: one row per municipality, sex, age and 1 January. ``age`` is the
lowest of an open group where ``top_coded``; ``persons`` is null where the publisher gives none, and
``status`` then says why: ``.`` cannot be, ``..`` not known, ``:`` not shown."""
KEY = ("municipality", "sex", "age", "on_date")

_WITHOUT_NUMBER = (".", "..", "...", ":")
_WITH_NUMBER = ("-", "*")
"""Nil, and provisional: the number stands."""
_SEXES = {
    "female": {"kvinner", "kvinne", "females", "women"},
    "male": {"menn", "mann", "males", "men"},
}
_AGE = re.compile(r"^\d{3}\+?$")
_OPEN = re.compile(r"\+|eller eldre|or older|and over", re.IGNORECASE)
_YEAR = re.compile(r"^\d{4}$")


@dataclass(frozen=True)
class Meaning:
    """What the table's codes mean, as its own description has it.

    Attributes:
        regions: Plain codes of the table.
        sexes: Code → female or male.
        ages: Code → years of age.
        top: Code of the open group of the oldest.
        years: Years it has.
        has_summed: The codelist ``agg_KommSummer`` can be applied.
        structure: Title, source and time of the last change.
    """

    regions: frozenset[str]
    sexes: Mapping[str, str]
    ages: Mapping[str, int]
    top: str
    years: tuple[int, ...]
    has_summed: bool
    structure: Structure


def meaning(structure: Structure) -> Meaning:
    """Check the table's description.

    Args:
        structure: What the server says of the table.

    Raises:
        RegisterError: A variable or its codes are not as expected; names the variable.
    """
    found = structure.dimensions
    if missing := [name for name in VARIABLES if name not in found]:
        raise _unexpected(missing[0], "this variable", "none")
    if added := [name for name in found if name not in VARIABLES]:
        raise _unexpected(added[0], "no such variable", "one more")
    if PERSONS not in found[CONTENT].codes:
        raise _unexpected(CONTENT, f"a measure {PERSONS}", "others")
    if not all(_YEAR.match(code) for code in found[TIME].codes):
        raise _unexpected(TIME, "calendar years", "other periods")
    ages, top = _ages(found[AGE])
    return Meaning(
        regions=frozenset(found[REGION].codes),
        sexes=_sexes(found[SEX]),
        ages=ages,
        top=top,
        years=tuple(sorted(map(int, found[TIME].codes))),
        has_summed=_has_codelist(found[REGION], SUMMED),
        structure=structure,
    )


def _unexpected(variable: str, expected: str, got: str) -> RegisterError:
    return RegisterError(
        f"table {TABLE}: {variable}: expected {expected}, got {got}. The table has changed: "
        "nothing was fetched, and pipelines/clients/population_register must learn its new form."
    )


def _sexes(dimension: Dimension) -> Mapping[str, str]:
    """Sexes by what they are called: a code alone could change places."""
    named = {
        code: sex
        for code in dimension.codes
        for sex, names in _SEXES.items()
        if dimension.labels.get(code, "").strip().casefold() in names
    }
    if sorted(named.values()) != ["female", "male"]:
        raise _unexpected(SEX, "one code for women and one for men", f"{len(named)} of them")
    return named


def _ages(dimension: Dimension) -> tuple[Mapping[str, int], str]:
    """Ages by code, and the code of the oldest, who are counted together."""
    if not all(map(_AGE.match, dimension.codes)):
        raise _unexpected(AGE, "codes such as 000 and 105+", "others")
    ages = {code: int(code.removesuffix("+")) for code in dimension.codes}
    if sorted(ages.values()) != list(range(len(ages))):
        raise _unexpected(AGE, "each year of age from 0 once", "gaps or repeats")
    top = max(ages, key=ages.__getitem__)
    open_codes = [
        code for code in ages if code.endswith("+") or _OPEN.search(dimension.labels.get(code, ""))
    ]
    if open_codes != [top]:
        raise _unexpected(AGE, "an open group for the oldest alone", f"{len(open_codes)} of them")
    return ages, top


def _has_codelist(dimension: Dimension, name: str) -> bool:
    lists = dimension.extension.get("codelists", ())
    return isinstance(lists, list) and any(
        isinstance(one, dict) and one.get("id") == name for one in lists
    )


def canonical(dataset: Dataset, known: Meaning) -> pl.DataFrame:
    """A reply in the register's own form.

    Args:
        dataset: Cells by the five variables.
        known: What their codes mean.

    Returns:
        Rows of ``SCHEMA``.

    Raises:
        RegisterError: A status is unknown, or a number is no count of persons.
    """
    cells = dataset.cells.with_columns(pl.col("status").replace("", None))
    _judge_statuses(cells)
    hidden = pl.col("status").is_in(_WITHOUT_NUMBER).fill_null(False)
    counts = cells.with_columns(pl.when(~hidden).then("value").alias("value"))
    wrong = counts.filter((pl.col("value") < 0) | (pl.col("value") % 1 != 0)).height
    if wrong:
        raise RegisterError(
            f"table {TABLE}: expected whole numbers of persons, got {wrong} cells with others. "
            "Nothing was kept."
        )
    return counts.select(
        pl.col(REGION).str.strip_prefix(SUMMED_PREFIX).alias("municipality"),
        pl.col(SEX).replace_strict(known.sexes, return_dtype=pl.String).alias("sex"),
        pl.col(AGE).replace_strict(known.ages, return_dtype=pl.Int32).alias("age"),
        (pl.col(AGE) == known.top).alias("top_coded"),
        pl.date(pl.col(TIME).cast(pl.Int32), 1, 1).alias("on_date"),
        pl.col("value").cast(pl.Int64).alias("persons"),
        "status",
    )


def _judge_statuses(cells: pl.DataFrame) -> None:
    known = [*_WITHOUT_NUMBER, *_WITH_NUMBER]
    others = cells["status"].drop_nulls().unique().sort()
    others = others.filter(~others.is_in(known))
    if others.len():
        raise RegisterError(
            f"table {TABLE}: status: expected one of {' '.join(known)}, got {others.len()} other "
            "symbols. Nothing was kept: what they mean must be known first."
        )
