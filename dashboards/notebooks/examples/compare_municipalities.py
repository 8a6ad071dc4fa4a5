"""Worked example: age-standardised comparison of municipalities, from published figures."""

import marimo

__generated_with = "0.25.2"

app = marimo.App(width="medium", app_title="Folkepuls: municipalities compared")


@app.cell(hide_code=True)
def _():
    import altair as alt
    import marimo as mo
    import polars as pl

    from dashboards.notebooks.connection import guard_default_connection, open_zones
    from dashboards.notebooks.guide import (
        INK,
        LANGUAGE_NAMES,
        MUTED,
        dictionary,
        drawn,
        indicator_choices,
        indicator_dictionary,
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
        INK,
        MUTED,
        alt,
        dictionary,
        drawn,
        indicator_choices,
        indicator_dictionary,
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
    _gone = missing(zones, language.value, "published.indicator_values", "published.comparisons")
    mo.stop(bool(_gone), mo.md(_gone))
    mo.vstack(
        [
            mo.md("# " + tr("Municipalities compared, age taken out")),
            mo.md(label(zones, language.value)),
            mo.md(
                tr(
                    "Municipalities differ in age. A directly standardised rate says what a "
                    "municipality would have had with the region's mix of sex and age. It is "
                    "published only where it gives nothing away, so small municipalities may "
                    "lack it: then use the indirect one, each against the region, not against "
                    "one another."
                )
            ),
        ]
    )
    return (tr,)


@app.cell(hide_code=True)
def _(indicator_choices, language, mo, tr, years, zones):
    indicator = mo.ui.dropdown(
        _choices := indicator_choices(zones, language.value, "direct_region"),
        value=next(iter(_choices)),
        label=tr("Indicator"),
    )
    year = mo.ui.dropdown(_years := years(zones), value=_years[0], label=tr("Year"))
    mo.hstack([indicator, year], justify="start")
    return indicator, year


@app.cell
def _(indicator, year, zones):
    # What is chosen above reaches SQL as a variable, never as text put into the query.
    zones.execute("set variable indicator = ?", [indicator.value])
    zones.execute("set variable year = ?", [int(year.value)])
    selected = zones
    return (selected,)


@app.cell
def _(mo, selected):
    compared = mo.sql(
        """
        select
            areas.name,
            vals.value,
            vals.lower_ci,
            vals.upper_ci,
            vals.value_status,
            vals.status_reason,
            comparisons.versus_region,
            comparisons.rank,
            comparisons.rank_of
        from published.indicator_values as vals
        join published.areas as areas using (area_code)
        left join published.comparisons as comparisons
            using (
                indicator_id, area_code, period_type, period_start, sex, age_group, value_kind
            )
        where vals.indicator_id = getvariable('indicator')
            and year(vals.period_start) = getvariable('year')
            and vals.period_type = 'year'
            and vals.value_kind = 'direct_region'
            and vals.sex = 'total'
            and vals.age_group = 'total'
            and vals.area_level = 'municipality'
        order by vals.value desc nulls last, areas.name
        """,
        output=False,
        engine=selected,
    )
    return (compared,)


@app.cell
def _(INK, MUTED, alt, compared, drawn, language, mo, pl, tr, zones):
    _shown = compared.filter(pl.col("value_status") == "ok")
    _names = alt.Y("name:N", sort=_shown["name"].to_list(), title=None)
    _limits = (
        alt.Chart(_shown)
        .mark_rule(color=MUTED)
        .encode(
            y=_names,
            x=alt.X("lower_ci:Q", title=tr("Standardised value with 95 per cent interval")),
            x2="upper_ci:Q",
        )
    )
    _points = (
        alt.Chart(_shown)
        .mark_point(color=INK, filled=True, size=60)
        .encode(y=_names, x=alt.X("value:Q").scale(zero=False))
    )
    mo.ui.altair_chart(
        drawn(
            _limits + _points, tr("Municipalities compared, age taken out"), zones, language.value
        ),
        chart_selection=False,
        legend_selection=False,
    ) if _shown.height else mo.md(tr("No municipality has a standardised figure here."))
    return


@app.cell(hide_code=True)
def _(compared, mo, pl, tr):
    _hidden = compared.filter(pl.col("value_status") != "ok").height
    mo.vstack(
        [
            mo.md(
                tr(
                    "{shown} municipalities are shown, {hidden} are not. Intervals that "
                    "overlap do not prove that two municipalities are alike; read the column "
                    "`versus_region`, which is computed for the purpose.",
                    shown=compared.height - _hidden,
                    hidden=_hidden,
                )
            ),
            mo.ui.table(compared, selection=None, show_download=False, page_size=20),
        ]
    )
    return


@app.cell(hide_code=True)
def _(dictionary, indicator_dictionary, language, mo, tr, zones):
    mo.accordion(
        {
            tr("Data dictionary: indicators"): mo.ui.table(
                indicator_dictionary(zones, language.value), selection=None, show_download=False
            ),
            tr("Data dictionary: tables and columns"): mo.ui.table(
                dictionary(zones, language.value), selection=None, show_download=False
            ),
        }
    )
    return


if __name__ == "__main__":
    app.run()
