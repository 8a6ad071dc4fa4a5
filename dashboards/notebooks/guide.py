"""What the worked examples say again and again: language, what is missing, the data dictionary.

Belongs here: words and frames that every notebook starts with. Does not belong here: the
connection (``connection.py``) and any analysis.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from dashboards.notebooks.connection import lacks
from dashboards.text import Translator, require_language, translator, vega_locale

if TYPE_CHECKING:
    import altair as alt

DOMAIN = "notebooks"
INK, MUTED, ACCENT, PALE = "#0b5c6b", "#6b7885", "#b45309", "#c3cdd3"
"""Colours of the examples' charts."""

LANGUAGE_NAMES = {"Bokmål": "nb", "Nynorsk": "nn", "English": "en"}


def words(language: str) -> Translator:
    """The notebooks' messages in a language."""
    return translator(language, DOMAIN)


def missing(connection: duckdb.DuckDBPyConnection, language: str, *wanted: str) -> str:
    """What to do about tables that are not there yet, in Markdown; empty when all are.

    Args:
        connection: As ``open_zones`` gives it.
        language: ``nb``, ``nn`` or ``en``.
        wanted: Tables as ``schema.table``.
    """
    gone = lacks(connection, *wanted)
    if not gone:
        return ""
    tr = words(language)
    names = ", ".join(f"`{name}`" for name in gone)
    return tr(
        "**Nothing to show yet.** These tables are not there: {tables}. Run `folkepuls demo` "
        "for synthetic data, or `folkepuls run` when deliveries have come in. Then run this "
        "notebook again.",
        tables=names,
    )


def label(connection: duckdb.DuckDBPyConnection, language: str) -> str:
    """What must stand above every figure, in Markdown: which data, and whether it is made up."""
    tr = words(language)
    if lacks(connection, "published.release"):
        return tr("_No release has been published; figures here are for local use only._")
    ((release_id, data_to),) = connection.sql(
        "select release_id, data_to::varchar from published.release"
    ).fetchall()
    text = tr("Release `{id}`, data to {day}.", id=release_id, day=data_to)
    warning = synthetic_warning(connection, language)
    return f"**{warning}.** {text}" if warning else text


def synthetic_warning(connection: duckdb.DuckDBPyConnection, language: str) -> str:
    """What must stand on everything that shows made-up figures; empty where they are real."""
    if lacks(connection, "published.release"):
        return ""
    ((synthetic,),) = connection.sql("select synthetic from published.release").fetchall()
    tr = words(language)
    return tr("Synthetic figures – not for planning") if synthetic else ""


def drawn(
    chart: alt.Chart | alt.LayerChart,
    title: str,
    connection: duckdb.DuckDBPyConnection,
    language: str,
) -> Any:
    """A chart with its title, the numbers of the language, and the warning where it is due.

    Args:
        chart: The chart.
        title: What it shows.
        connection: As ``open_zones`` gives it.
        language: ``nb``, ``nn`` or ``en``.
    """
    import altair as alt

    warning = synthetic_warning(connection, language)
    heading = alt.TitleParams(text=title, subtitle=warning, anchor="start", fontSize=15)
    # No menu that saves the picture: there is no way out of the analysis zone but a release.
    options = {"embedOptions": {"actions": False}}
    named = chart.properties(title=heading, width=560, usermeta=options)
    return named.configure(locale=vega_locale(language)).configure_view(stroke=None)


def indicator_choices(
    connection: duckdb.DuckDBPyConnection, language: str, value_kind: str
) -> dict[str, str]:
    """Indicators that have a kind of value: title in the language → id, in their order.

    Args:
        connection: As ``open_zones`` gives it.
        language: ``nb``, ``nn`` or ``en``.
        value_kind: Such as ``direct_region``.
    """
    require_language(language)
    frame = connection.sql(
        "select * from published.indicators "
        "where list_contains(string_split(value_kinds, ','), ?) order by number, indicator_id",
        params=[value_kind],
    ).pl()
    return dict(zip(frame[f"title_{language}"], frame["indicator_id"], strict=True))


def years(connection: duckdb.DuckDBPyConnection, table: str = "published") -> list[str]:
    """Calendar years with figures (``published``) or person-years (``analysis``), newest first."""
    queries: Mapping[str, str] = {
        "published": "select distinct year(period_start) from published.indicator_values "
        "order by 1 desc",
        "analysis": "select distinct year from analysis.demography order by 1 desc",
    }
    found = connection.sql(queries[table]).fetchall()
    return [str(year) for (year,) in found]


def dictionary(connection: duckdb.DuckDBPyConnection, language: str) -> pl.DataFrame:
    """The data dictionary of everything the connection offers.

    Args:
        connection: As ``open_zones`` gives it.
        language: ``nb``, ``nn`` or ``en``.

    Returns:
        One row per column: ``table`` (with its schema), ``column``, ``type`` and
        ``meaning`` in the language.
    """
    from dashboards.notebooks.columns import meaning

    tr = words(language)
    frame = connection.sql(
        'select schema_name || \'.\' || table_name as "table", column_name as "column", '
        "lower(data_type) as type from duckdb_columns() where not internal "
        "order by table_name = 'indicator_values' desc, 1, column_index"
    ).pl()
    meanings = [tr(meaning(name)) if meaning(name) else "" for name in frame["column"]]
    meant: pl.DataFrame = frame.with_columns(pl.Series("meaning", meanings, dtype=pl.String))
    return meant


def indicator_dictionary(connection: duckdb.DuckDBPyConnection, language: str) -> pl.DataFrame:
    """The published catalogue: one row per indicator, its definition in the language.

    Args:
        connection: As ``open_zones`` gives it.
        language: ``nb``, ``nn`` or ``en``.

    Returns:
        ``indicator_id``, ``indicator_version``, ``title``, ``unit``, ``definition``,
        ``numerator``, ``denominator``, ``age_groups``, ``threshold`` (persons).
    """
    require_language(language)
    names = {
        f"title_{language}": "title",
        f"unit_text_{language}": "unit",
        f"definition_{language}": "definition",
        f"numerator_text_{language}": "numerator",
        f"denominator_text_{language}": "denominator",
    }
    frame = connection.sql("from published.indicators order by number, indicator_id").pl()
    own = ["indicator_id", "indicator_version", *names, "age_groups", "threshold"]
    catalogue: pl.DataFrame = frame.select(own).rename(names)
    return catalogue
