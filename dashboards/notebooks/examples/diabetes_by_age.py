"""Worked example: type 2 diabetes by age band, from k-anonymous person-years."""

import marimo

__generated_with = "0.25.2"

app = marimo.App(width="medium", app_title="Folkepuls: diabetes by age")


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
        label,
        missing,
        words,
        years,
    )
    from pipelines.epidemiology.intervals import wilson_limits

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
        label,
        language,
        missing,
        mo,
        pl,
        wilson_limits,
        words,
        years,
        zones,
    )


@app.cell(hide_code=True)
def _(label, language, missing, mo, words, zones):
    tr = words(language.value)
    _gone = missing(zones, language.value, "analysis.chronic_conditions")
    mo.stop(bool(_gone), mo.md(_gone))
    mo.vstack(
        [
            mo.md("# " + tr("Type 2 diabetes by age, from person-years")),
            mo.md(label(zones, language.value)),
            mo.md(
                tr(
                    "Each row of `analysis.chronic_conditions` is a person in a year. At least "
                    "five persons share municipality, sex and age, each as coarse as it had to "
                    "be made. The table is still personal data in law: use it here, under your "
                    "agreement and for its purpose, and publish through a release."
                )
            ),
        ]
    )
    return (tr,)


@app.cell(hide_code=True)
def _(mo, tr, years, zones):
    year = mo.ui.dropdown(_years := years(zones, "analysis"), value=_years[0], label=tr("Year"))
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
    by_age = mo.sql(
        """
        with bands (age_band, low, high) as (
            values ('0-17', 0, 17), ('18-44', 18, 44), ('45-66', 45, 66),
                ('67-79', 67, 79), ('80+', 80, 199)
        ),

        people as (
            select
                diabetes,
                try_cast(regexp_extract(age, '^[0-9]+') as integer) as low,
                -- '80+' has no upper end, and '*' has neither.
                case
                    when age like '%+' then 199
                    else try_cast(regexp_extract(age, '[0-9]+$') as integer)
                end as high
            from analysis.chronic_conditions
            where year = getvariable('year')
        )

        select
            coalesce(bands.age_band, '?') as age_band,
            count(*) as person_years,
            count(*) filter (where people.diabetes) as with_diabetes
        from people
        left join bands
            on people.low >= bands.low and people.high <= bands.high
        group by 1
        order by min(bands.low), 1
        """,
        output=False,
        engine=selected,
    )
    return (by_age,)


@app.cell
def _(by_age, pl, wilson_limits):
    _counted = by_age.filter(pl.col("age_band") != "?")
    _lower, _upper = wilson_limits(_counted["with_diabetes"], _counted["person_years"])
    prevalence = _counted.with_columns(
        (100 * pl.col("with_diabetes") / pl.col("person_years")).alias("per_cent"),
        pl.Series("lower", 100 * _lower),
        pl.Series("upper", 100 * _upper),
    )
    return (prevalence,)


@app.cell
def _(INK, MUTED, alt, drawn, language, mo, prevalence, tr, zones):
    _bands = alt.X("age_band:N", sort=prevalence["age_band"].to_list(), title=tr("Age"))
    _limits = (
        alt.Chart(prevalence)
        .mark_rule(color=MUTED)
        .encode(x=_bands, y=alt.Y("lower:Q", title=tr("Per cent with diabetes")), y2="upper:Q")
    )
    _points = (
        alt.Chart(prevalence)
        .mark_point(color=INK, filled=True, size=80)
        .encode(x=_bands, y="per_cent:Q")
    )
    mo.ui.altair_chart(
        drawn(
            _limits + _points,
            tr("Type 2 diabetes by age, from person-years"),
            zones,
            language.value,
        ),
        chart_selection=False,
        legend_selection=False,
    )
    return


@app.cell(hide_code=True)
def _(mo, prevalence, tr):
    mo.vstack(
        [
            mo.md(
                tr(
                    "Every class has to hold somebody with diabetes and somebody without, so "
                    "where hardly anybody has it, ages are merged across these bands. Such rows "
                    "are left out here, and the share among the young is too high. Stewards "
                    "know by how much; the report beside the table tells it in bands."
                )
            ),
            mo.ui.table(prevalence, selection=None, show_download=False),
        ]
    )
    return


@app.cell
def _(mo, selected):
    classes = mo.sql(
        """
        select
            classes.sex,
            count(*) as classes,
            sum(classes.persons) as persons,
            min(classes.persons) as smallest
        from (
            select
                municipality_code,
                sex,
                age,
                count(*) as persons
            from analysis.chronic_conditions
            where year = getvariable('year')
            group by all
        ) as classes
        group by all
        order by all
        """,
        output=False,
        engine=selected,
    )
    return (classes,)


@app.cell(hide_code=True)
def _(classes, dictionary, language, mo, tr, zones):
    mo.vstack(
        [
            mo.md(tr("The classes of persons that nobody can be told apart in:")),
            mo.ui.table(classes, selection=None, show_download=False),
            mo.accordion(
                {
                    tr("Data dictionary: tables and columns"): mo.ui.table(
                        dictionary(zones, language.value), selection=None, show_download=False
                    )
                }
            ),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
