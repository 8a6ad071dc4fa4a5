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
    _gone = missing(zones, language.value, "analysis.person_years", "analysis.strata")
    mo.stop(bool(_gone), mo.md(_gone))
    mo.vstack(
        [
            mo.md("# " + tr("Type 2 diabetes by age, from person-years")),
            mo.md(label(zones, language.value)),
            mo.md(
                tr(
                    "Each row of `analysis.person_years` is a person in a year. At least five "
                    "persons share municipality, sex and age stratum, and strata differ "
                    "between municipalities. The table is still personal data in law: use it "
                    "here, under your agreement, and publish through a release."
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
        )

        select
            coalesce(bands.age_band, '?') as age_band,
            count(*) as person_years,
            count(*) filter (where people.diabetes_status = 'ok') as known,
            count(*) filter (where people.diabetes_status = 'suppressed') as removed,
            count(*) filter (where people.diabetes) as with_diabetes
        from analysis.person_years as people
        left join bands
            on people.age_from >= bands.low and people.age_to <= bands.high
        where people.year = getvariable('year')
        group by 1
        order by min(people.age_from), 1
        """,
        output=False,
        engine=selected,
    )
    return (by_age,)


@app.cell
def _(by_age, pl, wilson_limits):
    _counted = by_age.filter((pl.col("age_band") != "?") & (pl.col("known") > 0))
    _lower, _upper = wilson_limits(_counted["with_diabetes"], _counted["known"])
    prevalence = _counted.with_columns(
        (100 * pl.col("with_diabetes") / pl.col("known")).alias("per_cent"),
        pl.Series("lower", 100 * _lower),
        pl.Series("upper", 100 * _upper),
        # If nobody, or everybody, whose value was removed has diabetes.
        (100 * pl.col("with_diabetes") / (pl.col("known") + pl.col("removed"))).alias("least"),
        (
            100
            * (pl.col("with_diabetes") + pl.col("removed"))
            / (pl.col("known") + pl.col("removed"))
        ).alias("most"),
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
                    "Where a whole stratum had the same value, it was removed. Nearly always "
                    "that value is “no”, so the share among the known is too high. `least` and "
                    "`most` are what it would be if nobody, or everybody, among the removed had "
                    "diabetes. Strata that straddle two bands are left out."
                )
            ),
            mo.ui.table(prevalence, selection=None, show_download=False),
        ]
    )
    return


@app.cell
def _(mo, selected):
    strata = mo.sql(
        """
        select
            strata.sex,
            count(*) as strata,
            sum(strata.persons) as persons,
            min(strata.persons) as smallest,
            count(strata.diabetes_persons) as strata_with_known_count,
            sum(strata.persons) filter (where strata.diabetes_persons is null)
                as persons_in_other_strata
        from analysis.strata as strata
        where strata.year = getvariable('year')
        group by all
        order by all
        """,
        output=False,
        engine=selected,
    )
    return (strata,)


@app.cell(hide_code=True)
def _(dictionary, language, mo, strata, tr, zones):
    mo.vstack(
        [
            mo.md(tr("The strata themselves, from the table `analysis.strata`:")),
            mo.ui.table(strata, selection=None, show_download=False),
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
