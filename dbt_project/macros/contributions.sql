{#
  What each person adds to each indicator's numerator and denominator, in the areas that are
  covered. `counting` is the way the indicator is counted: over strata, or as a plain flow. What
  the population register counts instead (`register_strata`) is left out.
#}
{% macro contributions(counting) -%}
numerators as (
    select
        indicators.indicator_id,
        measured.person_id,
        measured.year,
        measured.municipality_code,
        sum(measured.value) as numerator,
        cast(0 as double) as denominator
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ ref('int_measure_values') }} as measured
        on
            indicators.numerator_measure = measured.measure_id
            and coalesce(measured.service, indicators.service) = indicators.service
    where
        indicators.counting = '{{ counting }}'
        and not (
            {{ is_of_the_register() }}
            and indicators.numerator_measure in ({{ register_measures() }})
        )
    group by
        indicators.indicator_id, measured.person_id, measured.year, measured.municipality_code
),

denominators as (
    select
        indicators.indicator_id,
        measured.person_id,
        measured.year,
        measured.municipality_code,
        cast(0 as double) as numerator,
        sum(measured.value) as denominator
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ ref('int_measure_values') }} as measured
        on
            indicators.denominator_measure = measured.measure_id
            and coalesce(measured.service, indicators.service) = indicators.service
    where
        indicators.counting = '{{ counting }}'
        -- A public denominator leaves graded persons out: the region's minus the municipalities'
        -- would tell how many there are, by sex and age.
        and (measured.municipality_code is not null or not indicators.has_public_denominator)
        and not {{ is_of_the_register() }}
    group by
        indicators.indicator_id, measured.person_id, measured.year, measured.municipality_code
),

sides as (
    select * from numerators
    union all
    select * from denominators
),

contributions as (
    select
        sides.indicator_id,
        sides.person_id,
        sides.year,
        sides.municipality_code,
        sum(sides.numerator) as numerator,
        sum(sides.denominator) as denominator
    from sides
    left join {{ ref('fct_coverage') }} as coverage
        on
            sides.indicator_id = coverage.indicator_id
            and sides.municipality_code = coverage.area_code
            and sides.year = extract(year from coverage.period_start)
    where sides.municipality_code is null or coverage.coverage_state <> 'not_covered'
    group by sides.indicator_id, sides.person_id, sides.year, sides.municipality_code
)
{%- endmacro %}

{# The indicator is counted among the inhabitants that the population register tells. #}
{% macro is_of_the_register() -%}
    (indicators.has_public_denominator and indicators.inhabitants_from = 'register')
{%- endmacro %}

{# Measures that the population register gives as well: `int_register_measures`. #}
{% macro register_measures() -%}
    'person_years', 'residents', 'residents_live'
{%- endmacro %}

{# A person on the other side: in a proportion, part of the denominator only; in a rate, no event. #}
{% macro is_complement() -%}
(
    (indicators.kind = 'proportion' and contributions.denominator - contributions.numerator > 1e-9)
    or (
        indicators.kind = 'rate'
        and contributions.denominator > 0
        and contributions.numerator = 0
    )
)
{%- endmacro %}
