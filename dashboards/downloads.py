"""Files for readers: CSV for spreadsheets, tidy CSV for programs, XLSX with a metadata sheet.

Belongs here: writing published figures to files that are safe to open. Does not belong here:
choosing figures. No cell can start a formula (OWASP, *CSV Injection*), a hidden figure stays
empty with its status beside it, and synthetic figures say so in every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from io import BytesIO
from typing import Any

import polars as pl
import xlsxwriter

from dashboards import inert, remarks, words
from dashboards.charts import adoption
from dashboards.data_access import Release
from dashboards.figures import NO_FIGURE
from dashboards.places import norwegian_order
from dashboards.text import Translator, day, translator

TIDY_COLUMNS = (
    "indicator_id",
    "indicator_version",
    "area_level",
    "area_code",
    "border_set",
    "sex",
    "age_group",
    "breakdown",
    "breakdown_value",
    "period_type",
    "period_start",
    "period_end",
    "value_kind",
    "numerator",
    "denominator",
    "value",
    "lower_ci",
    "upper_ci",
    "unit",
    "value_status",
    "status_reason",
    "merged_group_id",
    "quality_flags",
    "covered_share",
    "release_id",
)


def tidy(release: Release, indicator_id: str) -> pl.DataFrame:
    """All published rows of an indicator's newest version, of periods of any length, as published.

    Returns:
        The columns of the published contract, then ``note`` (the label of synthetic figures).
    """
    version = release.indicator(indicator_id)["indicator_version"]
    note = translator("en", "planner")("Synthetic figures – not for planning")
    rows = pl.concat(
        frame.filter(
            pl.col("indicator_id") == indicator_id, pl.col("indicator_version") == version
        ).select(TIDY_COLUMNS)
        for frame in (release.values, release.months, release.pooled, release.splits)
    )
    labelled = rows.with_columns(pl.lit(note if release.synthetic else "").alias("note"))
    return inert.frame(labelled.sort(TIDY_COLUMNS[:13]))


def readable(release: Release, indicator_id: str, language: str) -> pl.DataFrame:
    """The same rows with names instead of codes, under headings in the language."""
    _ = translator(language, "planner")
    indicator = release.indicator(indicator_id)
    rows = _with_areas(release, tidy(release, indicator_id), _)

    def named(column: str, to_word: Any) -> pl.Expr:  # noqa: ANN401
        codes = [code for code in rows[column].unique().to_list() if code is not None]
        return pl.col(column).replace_strict(codes, [to_word(code) for code in codes], default=None)

    by_month, by_quarter = (pl.col("period_type") == one for one in ("month", "quarter"))
    first = pl.col("period_start").dt
    last = pl.col("period_end").dt.year()
    several = last > first.year()
    split, value = _split_names(release, language)
    # A column of splits, months, quarters or last years stands there only where some row has one.
    some = [
        (pl.col("breakdown") != "total", split, _("Divided by")),
        (pl.col("breakdown") != "total", value, _("Part")),
        (several, last, _("Last year")),
        (by_quarter, first.quarter(), _("Quarter")),
        (by_month, first.month(), _("Month")),
    ]
    extra = [
        pl.when(which).then(number).alias(name)
        for which, number, name in some
        if rows.select(which.any()).item()
    ]
    named_rows = rows.sort(
        norwegian_order("official_name"),
        by_month | by_quarter,
        several,
        "period_start",
        "value_kind",
        "sex",
        "age_group",
        pl.col("breakdown") != "total",
        "breakdown",
        "breakdown_value",
    ).select(
        pl.lit(indicator[f"title_{language}"]).alias(_("Indicator")),
        pl.col("official_name").alias(_("Area")),
        pl.col("area_code").alias(_("Code")),
        named("area_level", lambda c: words.level(c, _)).alias(_("Level")),
        first.year().alias(_("Year")),
        *extra,
        named("sex", lambda c: words.sex(c, _)).alias(_("Sex")),
        named("age_group", lambda c: words.age(c, indicator, _)).alias(_("Age")),
        named("value_kind", lambda c: words.kind(c, _)).alias(_("Computed as")),
        pl.col("value").alias(_("Figure")),
        pl.col("lower_ci").alias(_("Lower limit, 95%")),
        pl.col("upper_ci").alias(_("Upper limit, 95%")),
        _counted(rows, "numerator").alias(_("Numerator")),
        _counted(rows, "denominator").alias(_("Denominator")),
        pl.lit(indicator[f"unit_text_{language}"]).alias(_("Unit")),
        named("value_status", lambda c: words.status(c, _)).alias(_("Status")),
        pl.col("why").alias(_("Reason")),
        named("quality_flags", lambda c: words.flags(c, _)).alias(_("Quality")),
        pl.col("covered_share").alias(_("Share covered")),
        pl.lit(f"Folkepuls, {release.facts['licence']}").alias(_("Source")),
        pl.col("release_id").alias(_("Release")),
        pl.lit(_("Synthetic figures – not for planning") if release.synthetic else "").alias(
            _("Note")
        ),
    )
    return inert.frame(named_rows)


def _split_names(release: Release, language: str) -> tuple[pl.Expr, pl.Expr]:
    """What the release calls a row's split, and its value."""
    named = release.tables.get("breakdowns")
    if named is None:  # a release from before there were splits
        return pl.lit(None, pl.String), pl.lit(None, pl.String)
    titles = dict(named.select("breakdown", f"title_{language}").iter_rows())
    both = pl.concat_str("breakdown", "breakdown_value", separator="=")
    values = {
        f"{split}={code}": name
        for split, code, name in named.select(
            "breakdown", "breakdown_value", f"label_{language}"
        ).iter_rows()
    }
    return (
        pl.col("breakdown").replace_strict(titles, default=None, return_dtype=pl.String),
        both.replace_strict(values, default=None, return_dtype=pl.String),
    )


def of_split(
    release: Release, indicator_id: str, breakdown: str, areas: Sequence[str], language: str
) -> pl.DataFrame:
    """The figures of some areas by value of a split, as ``readable`` has them.

    Args:
        release: The release.
        indicator_id: The indicator.
        breakdown: The split.
        areas: Codes of the areas.
        language: Of headings and words.
    """
    _ = translator(language, "planner")
    named = release.tables["breakdowns"].filter(pl.col("breakdown") == breakdown)
    rows = readable(release, indicator_id, language)
    return rows.filter(
        pl.col(_("Code")).is_in(list(areas)),
        pl.col(_("Divided by")) == named[f"title_{language}"][0],
    )


def _with_areas(release: Release, rows: pl.DataFrame, _: Translator) -> pl.DataFrame:
    """The rows with their area's ``official_name``, and ``why``: the reason in words."""
    areas = release.tables["areas"].select(
        "area_code", "official_name", "go_live_on", "go_live_certainty", "plan_passed"
    )
    groups = release.tables["merged_groups"].select(
        area_code="merged_group_id", official_name=f"label_{_.language}"
    )
    named = pl.concat([areas, groups.unique()], how="diagonal")
    joined = rows.join(named, on="area_code", how="left")
    causes = joined.select(
        "area_code", "status_reason", "go_live_on", "go_live_certainty", "plan_passed"
    ).unique(maintain_order=True)  # fmt: skip
    texts = [remarks.reason(cause, _) for cause in causes.iter_rows(named=True)]
    said = causes.select("area_code", "status_reason", pl.Series("why", texts, pl.String))
    return joined.join(said, on=["area_code", "status_reason"], how="left", nulls_equal=True)


def _counted(rows: pl.DataFrame, column: str) -> pl.Expr:
    """A count without decimals, unless some row of it has any (person-years do)."""
    whole = rows.select((pl.col(column) % 1 == 0).all()).item()
    return pl.col(column).cast(pl.Int64) if whole else pl.col(column)


def tidy_csv(release: Release, indicator_id: str) -> bytes:
    """Comma, decimal point, UTF-8 without mark: for programs."""
    return tidy(release, indicator_id).write_csv().encode()


def spreadsheet_csv(release: Release, indicator_id: str, language: str) -> bytes:
    """Semicolon, decimal comma (in Norwegian), UTF-8 with byte order mark: for spreadsheets."""
    return table_csv(readable(release, indicator_id, language), language)


def table_csv(frame: pl.DataFrame, language: str) -> bytes:
    """Any table for spreadsheets: one of this module's, which holds no formula."""
    return frame.write_csv(
        separator=";", decimal_comma=language != "en", include_bom=True
    ).encode()  # fmt: skip


def selection(
    release: Release, indicator_ids: Sequence[str], areas: Sequence[str], language: str
) -> pl.DataFrame:
    """Some indicators of some areas, as ``readable`` has them.

    Args:
        release: The release.
        indicator_ids: The indicators, in the order of the table.
        areas: Codes of the areas.
        language: Of headings and words.
    """
    _ = translator(language, "planner")
    frames = [readable(release, one, language) for one in indicator_ids]
    rows = pl.concat(frames, how="diagonal_relaxed")
    return rows.filter(pl.col(_("Code")).is_in(list(areas)))


def inhabitants(release: Release, areas: Sequence[str], language: str) -> pl.DataFrame:
    """The published inhabitants of some areas by day, sex and age group."""
    _ = translator(language, "planner")
    names = release.tables["areas"].select("area_code", "official_name")
    wanted = pl.col("area_code").is_in(list(areas))
    rows = release.tables["population"].filter(wanted).join(names, on="area_code")
    sexes = {code: words.sex(code, _) for code in rows["sex"].unique()}
    named_rows = rows.sort("area_code", "on_date", "age_from", "sex").select(
        pl.col("official_name").alias(_("Area")),
        pl.col("area_code").alias(_("Code")),
        pl.col("on_date").alias(_("Day")),
        pl.col("sex").replace_strict(sexes).alias(_("Sex")),
        pl.col("age_group").str.replace("-", "–", literal=True).alias(_("Age")),
        pl.col("value").alias(_("Inhabitants")),
        pl.lit(release.id).alias(_("Release")),
        pl.lit(_("Synthetic figures – not for planning") if release.synthetic else "").alias(
            _("Note")
        ),
    )
    return inert.frame(named_rows)


def waves(release: Release, language: str) -> pl.DataFrame:
    """The days on which municipalities joined the shared journal, or plan to."""
    _ = translator(language, "planner")
    rows = adoption.waves(release)
    passed, ahead = (pl.lit(words.plan(one, _)) for one in (True, False))
    planned = pl.when("passed").then(passed).otherwise(ahead)
    return inert.frame(
        rows.select(
            pl.col("on").alias(_("From")),
            pl.col("names").list.join(", ").alias(_("Joins")),
            pl.col("total").alias(_("Together")),
            pl.when("planned")
            .then(planned)
            .otherwise(pl.lit(_("In operation")))
            .alias(_("Status")),
            pl.lit(release.id).alias(_("Release")),
        )
    )


def metadata(
    release: Release, indicator_id: str, language: str, citation: str
) -> list[tuple[str, str]]:
    """What a reader of a file needs to know about it, as names and texts."""
    _ = translator(language, "planner")
    indicator = release.indicator(indicator_id)

    def text(field: str) -> str:
        return str(indicator[f"{field}_{language}"])

    rows = [
        (_("Indicator"), text("title")),
        (_("Unit"), text("unit_text")),
        (_("Definition"), text("definition")),
        (_("Numerator"), text("numerator_text")),
        (_("Denominator"), text("denominator_text")),
        (_("Version of the definition"), str(indicator["indicator_version"])),
        *about(release, language, citation),
        *((words.status(c, _), words.status_explained(c, _)) for c in NO_FIGURE),
    ]
    return [(inert.text(name), inert.text(value)) for name, value in rows if value]


def about(release: Release, language: str, citation: str) -> list[tuple[str, str]]:
    """What a reader of any file of a release needs to know about it, as names and texts."""
    _ = translator(language, "planner")
    facts = release.facts
    rows = [
        (_("Note"), _("Synthetic figures – not for planning") if release.synthetic else ""),
        (_("Release"), release.id),
        (_("Data from"), day(facts["data_from"], language)),
        (_("Data to"), day(facts["data_to"], language)),
        (_("Licence"), str(facts["licence"])),
        (_("Contact"), str(facts["contact"] or "")),
        (_("Citation"), citation),
    ]
    return [(inert.text(name), inert.text(value)) for name, value in rows if value]


def workbook(release: Release, indicator_id: str, language: str, citation: str) -> bytes:
    """An XLSX with a sheet of an indicator's figures and a sheet about them."""
    indicator = release.indicator(indicator_id)
    figures = readable(release, indicator_id, language)
    facts = metadata(release, indicator_id, language, citation)
    decimals = max(int(indicator["decimals"]), 1)
    return book(release, language, str(indicator[f"title_{language}"]), figures, facts, decimals)


def book(
    release: Release,
    language: str,
    title: str,
    figures: pl.DataFrame,
    facts: Sequence[tuple[str, str]],
    decimals: int = 1,
) -> bytes:
    """An XLSX with a sheet of figures and a sheet about them.

    Text is written as text: nothing becomes a formula or a link.

    Args:
        release: The release.
        language: Of the sheets' names.
        title: Of the file.
        figures: One of this module's tables.
        facts: What to know of it, as ``about`` and ``metadata`` tell it.
        decimals: Of numbers that are not whole.
    """
    _ = translator(language, "planner")
    target = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    written = xlsxwriter.Workbook(target, options)
    made = datetime.combine(release.facts["data_to"], time(), tzinfo=UTC).replace(tzinfo=None)
    cited = dict(facts).get(_("Citation"), "")
    written.set_properties({"title": title, "comments": cited, "created": made})
    label = _("Synthetic figures – not for planning") if release.synthetic else ""
    _figures_sheet(written, _("Figures"), figures, label, decimals)
    _metadata_sheet(written, _("About the figures"), facts)
    written.close()
    return target.getvalue()


def _figures_sheet(
    book: xlsxwriter.Workbook, name: str, frame: pl.DataFrame, label: str, decimals: int
) -> None:
    sheet = book.add_worksheet(name)
    frame.write_excel(
        workbook=book,
        worksheet=name,
        position=(2, 0) if label else (0, 0),
        autofit=True,
        table_style="Table Style Light 1",
        float_precision=decimals,
    )
    if label:
        sheet.write_string(0, 0, label, book.add_format({"bold": True}))


def _metadata_sheet(book: xlsxwriter.Workbook, name: str, rows: Sequence[tuple[str, str]]) -> None:
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "valign": "top"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 1, 100)
    for index, (term, text) in enumerate(rows):
        sheet.write_string(index, 0, term, bold)
        sheet.write_string(index, 1, text, wrapped)


def file_name(release: Release, indicator_id: str, language: str, ending: str) -> str:
    """A telling name; synthetic figures carry the word."""
    mark = "SYNTETISK_" if release.synthetic else ""
    return f"{mark}{indicator_id}_{release.id}_{language}.{ending}"
