"""Worked example: how hidden cells affect a comparison, from published figures."""

import marimo

__generated_with = "0.25.2"

app = marimo.App(width="medium", app_title="Folkepuls: hidden cells")


@app.cell(hide_code=True)
def _():
    import altair as alt
    import marimo as mo
    import polars as pl

    from dashboards.notebooks.connection import guard_default_connection, open_zones
    from dashboards.notebooks.guide import (
        ACCENT,
        INK,
        LANGUAGE_NAMES,
        MUTED,
        PALE,
        dictionary,
        drawn,
        label,
        missing,
        words,
        years,
    )

    guard_default_connection()
    zones = open_zones()
    language = mo.ui.dropdown(LANGUAGE_NAMES, value="Bokmål", label="Språk / Language")
    language
    return (
        ACCENT,
        INK,
        MUTED,
        PALE,
        alt,
        dictionary,
        drawn,
        label,
        language,
        missing,
        mo,
        pl,
        words,
        years,
        zones,
    )


@app.cell(hide_code=True)
def _(label, language, missing, mo, words, zones):
    tr = words(language.value)
    _gone = missing(zones, language.value, "published.indicator_values", "published.indicators")
    mo.stop(bool(_gone), mo.md(_gone))
    mo.vstack(
        [
            mo.md("# " + tr("What hidden cells do to a comparison")),
            mo.md(label(zones, language.value)),
            mo.md(
                tr(
                    "A cell without a figure is not zero, and the municipalities that lack one "
                    "are not a random choice: they are small. Whoever sums or averages what is "
                    "shown therefore describes the larger municipalities. Below, the region's "
                    "own figure stands beside the one that the shown municipalities give."
                )
            ),
        ]
    )
    return (tr,)


@app.cell(hide_code=True)
def _(mo, tr, years, zones):
    year = mo.ui.dropdown(_years := years(zones), value=_years[0], label=tr("Year"))
    year
    return (year,)


@app.cell
def _(year, zones):
    # What is chosen above reaches SQL as a variable, never as text put into the query.
    zones.execute("set variable year = ?", [int(year.value)])
    selected = zones
    return (selected,)


@app.cell
def _(mo, selected):
    totals = mo.sql(
        """
        with cells as (
            select vals.*, indicators.multiplier
            from published.indicator_values as vals
            join published.indicators as indicators using (indicator_id, indicator_version)
            where year(vals.period_start) = getvariable('year')
                and vals.period_type = 'year'
                and vals.value_kind = 'crude'
                and vals.sex = 'total'
                and vals.age_group = 'total'
                and vals.breakdown = 'total'
        ),

        shown as (
            select
                indicator_id,
                any_value(multiplier) * sum(numerator) filter (where value_status = 'ok')
                / sum(denominator) filter (where value_status = 'ok') as value_of_shown,
                count(*) filter (where value_status = 'ok') as municipalities_shown,
                count(*) filter (where value_status = 'suppressed') as suppressed,
                count(*) filter (where value_status = 'not_covered') as not_covered,
                count(*) filter (
                    where value_status not in ('ok', 'suppressed', 'not_covered')
                ) as other
            from cells
            where area_level = 'municipality'
            group by indicator_id
        )

        select
            shown.indicator_id,
            shown.value_of_shown,
            region.value as value_of_region,
            100 * (shown.value_of_shown / nullif(region.value, 0) - 1) as difference_per_cent,
            shown.* exclude (indicator_id, value_of_shown)
        from shown
        left join cells as region
            on shown.indicator_id = region.indicator_id and region.area_level = 'region'
        order by shown.indicator_id
        """,
        output=False,
        engine=selected,
    )
    return (totals,)


@app.cell
def _(ACCENT, INK, MUTED, PALE, alt, drawn, language, mo, pl, totals, tr, zones):
    _status = totals.select(
        "indicator_id",
        pl.col("municipalities_shown").alias(tr("shown")),
        pl.col("suppressed").alias(tr("hidden")),
        pl.col("not_covered").alias(tr("not covered")),
        pl.col("other").alias(tr("other")),
    ).unpivot(index="indicator_id", variable_name="status", value_name="municipalities")
    _bars = (
        alt.Chart(_status)
        .mark_bar()
        .encode(
            y=alt.Y("indicator_id:N", title=None, axis=alt.Axis(labelLimit=320)),
            x=alt.X("municipalities:Q", title=tr("Municipalities")),
            color=alt.Color(
                "status:N",
                title=None,
                sort=None,
                scale=alt.Scale(
                    domain=_status["status"].unique(maintain_order=True).to_list(),
                    range=[INK, ACCENT, PALE, MUTED],
                ),
            ),
            order=alt.Order("status:N"),
        )
    )
    mo.ui.altair_chart(
        drawn(_bars, tr("What hidden cells do to a comparison"), zones, language.value),
        chart_selection=False,
        legend_selection=False,
    )
    return


@app.cell(hide_code=True)
def _(mo, totals, tr):
    mo.vstack(
        [
            mo.md(
                tr(
                    "Three rules follow. Compare a municipality with the region's own figure, "
                    "never with a sum over what is shown. Say how many municipalities a "
                    "statement is about. And leave hidden cells out of a ranking, rather than "
                    "placing them last."
                )
            ),
            mo.ui.table(totals, selection=None, show_download=False, page_size=20),
        ]
    )
    return


@app.cell(hide_code=True)
def _(dictionary, language, mo, tr, zones):
    mo.accordion(
        {
            tr("Data dictionary: tables and columns"): mo.ui.table(
                dictionary(zones, language.value), selection=None, show_download=False
            )
        }
    )
    return


if __name__ == "__main__":
    app.run()
