"""The one door through which the pages read: what is published, and nothing else.

Belongs here: finding ``published/current``, reading its tables, and the frames that views ask
for. Does not belong here: words, drawing, or any other zone than ``published/``.

A release is immutable, so it is read once and kept by its folder; when ``current`` points at a
new release, the next page sees it. Figures of rows whose status hides them are emptied here
once more, so that no page, chart or file can carry one even if a release were faulty.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from dashboards.kept import forget, kept
from dashboards.text import LANGUAGES, translator

TABLES = (
    "indicator_values",
    "indicators",
    "areas",
    "coverage",
    "caveats",
    "breaks",
    "comparisons",
    "area_groups",
    "population",
    "merged_groups",
    "release",
)
LATER_TABLES = ("like_for_like", "breakdowns")
"""Tables that releases of before lack."""
SHOWN_STATUSES = ("ok", "unreliable")
FIGURES = ("numerator", "value", "lower_ci", "upper_ci")
SYNTHETIC_REGISTER = "Folkepuls: syntetisk befolkning, ingen virkelige personer"
"""What the register of the synthetic region calls itself, in all languages."""
_COMPARISON_KEY = (
    "indicator_id",
    "area_code",
    "period_type",
    "period_start",
    "sex",
    "age_group",
    "value_kind",
)


class NothingPublishedError(Exception):
    """There is no current release under the data folder."""


PARTS = ("month", "quarter")
"""Lengths of period that are parts of a year; an indicator has one of them, or none."""


@dataclass(frozen=True, eq=False)
class Release:
    """One published release, read into memory.

    Attributes:
        folder: Where it lies.
        tables: Frames by table name, as the published contract has them, ``comparisons`` apart:
            ``indicator_values`` carries its comparison columns and ``year`` as well, has the
            figures of years alone, and of what an area is shown together with: ``shown_with``
            (names of the others) and the group's figure, ``group_value``, ``group_lower_ci``,
            ``group_upper_ci``; ``areas`` tells of a planned start whether the data have come past
            its day, ``plan_passed``.
        months: The figures by month or quarter, in the same columns.
        pooled: The figures of several years together, in the same columns.
        splits: The figures of years by value of a split (``breakdown``, ``breakdown_value``), in
            the same columns but those of comparisons and groups, which splits do not have.
        certificate: What ``certificate.json`` says about the disclosure audit.
    """

    folder: Path
    tables: dict[str, pl.DataFrame]
    months: pl.DataFrame
    pooled: pl.DataFrame
    splits: pl.DataFrame
    certificate: dict[str, Any]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The single row of the ``release`` table."""
        return self.tables["release"].row(0, named=True)

    @property
    def id(self) -> str:
        """The release's identifier."""
        return str(self.facts["release_id"])

    @cached_property
    def synthetic(self) -> bool:
        """Whether its figures are made up and must be labelled so."""
        return bool(self.facts["synthetic"])

    @property
    def values(self) -> pl.DataFrame:
        """The long table of years, one row per key of the published contract."""
        return self.tables["indicator_values"]

    @cached_property
    def years(self) -> list[int]:
        """Years with figures, newest first."""
        return sorted(self.values["year"].unique().to_list(), reverse=True)

    @cached_property
    def indicators(self) -> list[dict[str, Any]]:
        """The newest version of each indicator, by number."""
        newest = self.tables["indicators"].sort("indicator_version").unique(
            "indicator_id", keep="last", maintain_order=True
        )  # fmt: skip
        return newest.sort("number", "indicator_id").to_dicts()

    def indicator(self, indicator_id: str) -> dict[str, Any]:
        """One indicator's facts and texts.

        Raises:
            KeyError: The release has no such indicator.
        """
        found = self._by_id.get(indicator_id)
        if found is None:
            raise KeyError(f"Indicator {indicator_id!r}: not in release {self.id}.")
        return found

    @cached_property
    def _by_id(self) -> dict[str, dict[str, Any]]:
        return {row["indicator_id"]: row for row in self.indicators}

    @kept(most=64)
    def areas(self, year: int) -> pl.DataFrame:
        """Municipalities and region that exist on the last day of the year.

        A validity that has no beginning or no end in the table is open on that side.

        Returns:
            Rows of the ``areas`` table, one per area, in its order.
        """
        last = date(year, 12, 31)
        return self.tables["areas"].filter(
            pl.col("valid_from").is_null() | (pl.col("valid_from") <= last),
            pl.col("valid_to").is_null() | (pl.col("valid_to") >= last),
        )  # fmt: skip

    @cached_property
    def region_code(self) -> str:
        """Code of the region."""
        regions = self.tables["areas"].filter(pl.col("area_level") == "region")
        return str(regions["area_code"][0])


def home() -> Path:
    """The data folder: ``FOLKEPULS_HOME``, or ``data`` beside this package."""
    configured = os.environ.get("FOLKEPULS_HOME")
    return Path(configured) if configured else Path(__file__).resolve().parent.parent / "data"


def borders() -> Path | None:
    """GeoJSON of real borders, if ``FOLKEPULS_BORDERS`` names one."""
    configured = os.environ.get("FOLKEPULS_BORDERS")
    return Path(configured) if configured else None


def current_release(folder: Path | None = None) -> Release:
    """The release that ``published/current`` points at.

    Args:
        folder: The data folder; by default ``home()``.

    Raises:
        NothingPublishedError: Nothing is published yet.
        FileNotFoundError: The release lacks one of its tables.
    """
    pointer = (folder or home()) / "published" / "current"
    if not pointer.exists():
        raise NothingPublishedError(
            f"No release under {pointer}: run the pipeline and approve one."
        )
    return _read(pointer.resolve())


def earlier_release(release: Release) -> Release | None:
    """The release that this one took the place of; ``None`` if there is none, or it is gone."""
    name = release.facts["supersedes"]
    folder = release.folder.parent / str(name)
    return _read(folder) if name and (folder / "release.parquet").is_file() else None


# The newest and the one before it: a region's release is some hundred mebibytes.
@lru_cache(maxsize=2)
def _read(folder: Path) -> Release:
    forget()
    held = [name for name in LATER_TABLES if (folder / f"{name}.parquet").is_file()]
    tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in (*TABLES, *held)}
    # The registers write two names of one place with a hyphen; Norwegian spelling wants a dash.
    tables["areas"] = tables["areas"].with_columns(
        pl.col("official_name").str.replace_all(" - ", " – ", literal=True),
        plan_passed=pl.col("go_live_certainty").eq_missing("planned")
        & (pl.col("go_live_on") <= tables["release"]["data_to"][0]).fill_null(False),
    )
    tables["caveats"] = _named_in_language(tables["caveats"])
    if "key_figure" not in tables["indicators"].columns:  # a release from before some were chosen
        tables["indicators"] = tables["indicators"].with_columns(key_figure=pl.lit(True))
    shown = _only_shown(tables["indicator_values"], tables["indicators"])
    whole = pl.col("breakdown") == "total"
    compared = _compared(shown.filter(whole), tables.pop("comparisons"))
    length = pl.col("period_type")
    compared = _with_groups(compared, tables["merged_groups"], tables["areas"])
    tables["indicator_values"] = compared.filter(length == "year")
    certificate = folder / "certificate.json"
    return Release(
        folder=folder,
        tables=tables,
        months=compared.filter(length.is_in(PARTS)),
        pooled=compared.filter(~length.is_in(["year", *PARTS])),
        splits=shown.filter(~whole).with_columns(versus_region=pl.lit("not_compared")),
        certificate=json.loads(certificate.read_text()) if certificate.exists() else {},
    )


def _named_in_language(caveats: pl.DataFrame) -> pl.DataFrame:
    """The caveats, with the made-up register called what it is in the language of the text.

    It names itself once, in bokmål. A register's own name is nobody's to translate.
    """
    return caveats.with_columns(
        pl.col(f"text_{language}").str.replace_all(
            SYNTHETIC_REGISTER,
            translator(language, "planner")("Folkepuls: synthetic population, no real persons"),
            literal=True,
        )
        for language in LANGUAGES
    )


def _only_shown(values: pl.DataFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """The long table with every hidden row emptied of figures, and a ``year`` column.

    A hidden row keeps its denominator only where that is a public fact, such as inhabitants.
    """
    shown = pl.col("value_status").is_in(SHOWN_STATUSES)
    public = indicators.select("indicator_id", "indicator_version", "public_denominator")
    joined = values.join(public, on=["indicator_id", "indicator_version"], how="left")
    return joined.with_columns(
        pl.col("period_start").dt.year().cast(pl.Int64).alias("year"),
        pl.when(shown | pl.col("public_denominator").fill_null(False))
        .then(pl.col("denominator"))
        .alias("denominator"),
        *(pl.when(shown).then(pl.col(name)).alias(name) for name in FIGURES),
    ).drop("public_denominator")


def _compared(values: pl.DataFrame, comparisons: pl.DataFrame) -> pl.DataFrame:
    """The long table with the published comparison of each row, emptied where it is hidden.

    The region's figure comes from its own row, so that a hidden one stays hidden.
    """
    key = ["indicator_version", *(name for name in _COMPARISON_KEY if name != "area_code")]
    region = values.filter(pl.col("area_level") == "region").select(
        *key, pl.col("value").alias("region_value")
    )
    joined = values.join(
        comparisons.drop("region_value"), on=list(_COMPARISON_KEY), how="left"
    ).join(region, on=key, how="left")
    shown = pl.col("value").is_not_null()
    emptied = ("rank", *(name for name in comparisons.columns if name.startswith("funnel_")))
    versus = pl.when(shown).then(pl.col("versus_region")).fill_null("not_compared")
    return joined.with_columns(
        versus.alias("versus_region"),
        *(pl.when(shown).then(pl.col(name)).alias(name) for name in emptied),
    )


def _with_groups(values: pl.DataFrame, members: pl.DataFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """The long table with the figure of the group that a hidden row is shown with."""
    same = ["indicator_id", "indicator_version", "border_set", "sex", "age_group", "breakdown",
            "breakdown_value", "period_start", "value_kind"]  # fmt: skip
    numbers = ("value", "lower_ci", "upper_ci")
    groups = values.filter(pl.col("area_level") == "group").select(
        *same, merged_group_id="area_code", **{f"group_{name}": name for name in numbers}
    )
    pairs = members.select("merged_group_id", "area_code")
    others = (
        pairs.join(pairs, on="merged_group_id", suffix="_other")
        .filter(pl.col("area_code") != pl.col("area_code_other"))
        .join(areas.select("name", area_code_other="area_code"), on="area_code_other")
        .sort("area_code_other")
        .group_by("merged_group_id", "area_code")
        .agg(shown_with=pl.col("name").str.join(", "))
    )
    return values.join(groups, on=[*same, "merged_group_id"], how="left").join(
        others, on=["merged_group_id", "area_code"], how="left"
    )
