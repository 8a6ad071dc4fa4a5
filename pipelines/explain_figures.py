"""The published figures that are explained: of which period, and split by what.

Belongs here: reading a period as it is typed, and finding its rows and caveats in the current
release. Does not belong here: the SQL behind them (``explain``), and how they are printed
(``cli_catalogue``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.catalogue.model import Indicator, Language
from pipelines.publication.rates import POOLED_TYPES
from pipelines.publication.release import current_release
from pipelines.settings import Zones

TOTAL = "total"
OF_PERSONS = ("sex", "age_group")
_TYPED = re.compile(r"(?P<year>\d{4})(-(?P<month>\d{2})|-[Qq](?P<quarter>[1-4])|-(?P<last>\d{4}))?")


class ExplainError(ValueError):
    """Something was asked about that is not there; the message says what is."""


@dataclass(frozen=True)
class Period:
    """A period of published figures.

    Attributes:
        type: As in ``indicator_values``: year, month, quarter, three_years or five_years.
        start: Its first day.
        years: Calendar years it touches, the first and the last.
    """

    type: str
    start: date
    years: tuple[int, int]

    @classmethod
    def typed(cls, text: str) -> Period:
        """Read ``2024``, ``2024-03``, ``2024-Q2`` or ``2023-2025``.

        Raises:
            ExplainError: It is none of these.
        """
        found = _TYPED.fullmatch(text.strip())
        year = int(found["year"]) if found else 0
        last = int(found["last"]) if found and found["last"] else year
        month = int(found["month"]) if found and found["month"] else 1
        if found and found["quarter"]:
            month = 3 * int(found["quarter"]) - 2
        together = {years: name for years, name in POOLED_TYPES.items()}
        length = last - year + 1
        known = length == 1 or length in together
        if found is None or year < 1 or not 1 <= month <= 12 or not known:
            raise ExplainError(
                f"period {text!r}: expected a year (2024), a month (2024-03), a quarter (2024-Q2) "
                f"or {' or '.join(map(str, together))} years together (2023-2025)"
            )
        if length > 1:
            return cls(together[length], date(year, 1, 1), (year, last))
        kind = "quarter" if found["quarter"] else "month" if found["month"] else "year"
        return cls(kind, date(year, month, 1), (year, year))


def told(kind: str, start: date, end: date) -> str:
    """A period as it is typed."""
    if kind == "month":
        return f"{start:%Y-%m}"
    if kind == "quarter":
        return f"{start.year}-Q{(start.month + 2) // 3}"
    return f"{start.year}" if kind == "year" else f"{start.year}-{end.year}"


def _table(zones: Zones, release_id: str, name: str) -> pl.DataFrame:
    return pl.read_parquet(zones.published / release_id / f"{name}.parquet")


def figures(
    zones: Zones, indicator: Indicator, area: str, period: Period, by: str | None
) -> tuple[str, pl.DataFrame]:
    """Rows of the current release.

    Args:
        zones: Where the release is.
        indicator: The indicator.
        area: Area code.
        period: The period.
        by: ``sex``, ``age_group`` or a breakdown of the indicator; null for the totals.

    Returns:
        The release's id, and rows of ``indicator_values``: one per value kind, and per value of
        what they are split by.

    Raises:
        ExplainError: Nothing is published, or nothing of the area, the period or the split.
    """
    release_id = current_release(zones)
    if release_id is None:
        raise ExplainError("No release is published here: run `folkepuls run` and sign one first.")
    values = _table(zones, release_id, "indicator_values").filter(
        pl.col("indicator_id") == indicator.id
    )
    of_area = values.filter(pl.col("area_code") == area)
    if of_area.is_empty():
        there = ", ".join(values["area_code"].unique().sort())
        raise ExplainError(f"area {area!r}: release {release_id} has {there} for {indicator.id}")
    found = of_area.filter(
        pl.col("period_type") == period.type, pl.col("period_start") == period.start
    )
    if found.is_empty():
        raise ExplainError(
            f"period {_typed(period)}: release {release_id} has {_periods(of_area)} for "
            f"{indicator.id}"
        )
    split = found.filter(_split(by))
    if split.is_empty():
        raise ExplainError(
            f"by {by!r}: release {release_id} has {_splits(found)} for {indicator.id} in "
            f"{_typed(period)}"
        )
    return release_id, split.sort(*OF_PERSONS, "breakdown_value", "value_kind")


def _typed(period: Period) -> str:
    return told(period.type, period.start, date(period.years[1], 12, 31))


def _periods(rows: pl.DataFrame) -> str:
    """The first and the last period of each length."""
    spans = (
        rows.sort("period_start")
        .group_by("period_type", maintain_order=True)
        .agg(
            pl.col("period_start", "period_end").first().name.prefix("first_"),
            pl.col("period_start", "period_end").last().name.prefix("last_"),
        )
    )
    ends = (
        (told(kind, first, first_end), told(kind, last, last_end))
        for kind, first, first_end, last, last_end in spans.iter_rows()
    )
    return ", ".join(first if first == last else f"{first} to {last}" for first, last in ends)


def _split(by: str | None) -> pl.Expr:
    whole = {name: pl.col(name) == TOTAL for name in (*OF_PERSONS, "breakdown")}
    if by in OF_PERSONS:
        return pl.all_horizontal(~whole.pop(str(by)), *whole.values())
    if by is not None:
        whole["breakdown"] = pl.col("breakdown") == by
    return pl.all_horizontal(*whole.values())


def _splits(rows: pl.DataFrame) -> str:
    names = [name for name in OF_PERSONS if (rows[name] != TOTAL).any()]
    names += [name for name in rows["breakdown"].unique().sort() if name != TOTAL]
    return ", ".join(names) or "no split"


@dataclass(frozen=True)
class Remark:
    """A caveat and where it is written down."""

    text: str
    source: str


def remarks(
    zones: Zones,
    release_id: str,
    indicator: Indicator,
    language: Language,
    area: str,
    period: Period,
) -> list[Remark]:
    """Caveats of a release that touch an area and the years of a period."""
    first, last = period.years
    own = {caveat.id for caveat in indicator.texts[language].caveats}
    rows = _table(zones, release_id, "caveats").filter(
        pl.col("indicator_id") == indicator.id,
        pl.col("area_code").is_in(["*", area]),
        pl.col("period_start").is_null() | pl.col("period_start").dt.year().is_between(first, last),
    )
    file = f"pipelines/catalogue/indicators/{indicator.id}.yml"
    texts = rows.select("caveat_id", f"text_{language}").unique(maintain_order=True)
    return [
        Remark(text, file if name in own else f"pipelines/catalogue/caveats.yml ({name})")
        for name, text in texts.iter_rows()
    ]
