{#
  What each person adds to each indicator's numerator and denominator, and what that makes of an
  area: the way from measures to exact counts that all marts go.
#}

{# The two measures of each indicator, a row each: so that measures are found by equality. #}
{% macro sides() -%}
sides as (
    select
        indicators.*,
        indicators.numerator_measure as measure_id,
        true as is_numerator
    from {{ source('catalogue', 'indicators') }} as indicators
    union all
    select
        indicators.*,
        indicators.denominator_measure as measure_id,
        false as is_numerator
    from {{ source('catalogue', 'indicators') }} as indicators
)
{%- endmacro %}

{#
  Contributions of a year in the areas that are covered. `counting` is the way the indicator is
  counted: over strata, or as a plain flow. What the population register counts instead
  (`register_strata`) is left out.
#}
{% macro contributions(counting) -%}
    {{ sides() }},

contributions as (
    select
        indicators.indicator_id,
        measured.person_id,
        measured.year,
        measured.municipality_code,
        max(indicators.kind) as kind,
        sum(case when indicators.is_numerator then measured.value else 0 end) as numerator,
        sum(case when indicators.is_numerator then 0 else measured.value end) as denominator
    from sides as indicators
    inner join {{ ref('int_measure_values') }} as measured
        on
            indicators.measure_id = measured.measure_id
            and coalesce(measured.service, indicators.service) = indicators.service
    left join {{ ref('fct_coverage') }} as coverage
        on
            indicators.indicator_id = coverage.indicator_id
            and measured.municipality_code = coverage.area_code
            and measured.year = extract(year from coverage.period_start)
    where
        indicators.counting = '{{ counting }}'
        and (measured.municipality_code is null or coverage.coverage_state <> 'not_covered')
        and not (
            {{ is_of_the_register() }}
            and (
                not indicators.is_numerator
                or indicators.numerator_measure in ({{ register_measures() }})
            )
        )
        -- A public denominator leaves graded persons out: the region's minus the municipalities'
        -- would tell how many there are, by sex and age.
        and (
            indicators.is_numerator
            or measured.municipality_code is not null
            or not indicators.has_public_denominator
        )
    group by
        indicators.indicator_id, measured.person_id, measured.year, measured.municipality_code
)
{%- endmacro %}

{#
  Contributions by area, as a CTE. A person who lived in two municipalities is one person in the
  region. `keys` are what is counted by beside the area; `condition` names the contributions that
  are the region's, `complement` what makes a person one on the other side.
#}
{% macro persons_in_areas(keys, complement, condition='true') -%}
persons_in_areas as (
    select
        'municipality' as area_level,
        municipality_code as area_code,
        indicator_id,
        {{ keys | join(', ') }},
        numerator,
        denominator,
        case when {{ complement }} then 1 else 0 end as is_complement
    from contributions
    where municipality_code is not null
    union all
    select
        'region' as area_level,
        'MIDT' as area_code,
        indicator_id,
        {{ keys | join(', ') }},
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        max(case when {{ complement }} then 1 else 0 end) as is_complement
    from contributions
    where {{ condition }}
    group by indicator_id, {{ keys | join(', ') }}, person_id
)
{%- endmacro %}

{# What the rows of persons in an area add up to: the columns of every mart of counts. #}
{% macro counts_of_persons() -%}
sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(numerator * numerator) as numerator_sq,
        max(numerator) as numerator_max,
        max(denominator) as denominator_max,
        sum(case when numerator > 0 then 1 else 0 end) as numerator_persons,
        sum(case when denominator > 0 then 1 else 0 end) as denominator_persons,
        sum(is_complement) as complement_persons
{%- endmacro %}

{# The indicator is counted among the inhabitants that the population register tells. #}
{% macro is_of_the_register() -%}
    (indicators.has_public_denominator and indicators.inhabitants_from = 'register')
{%- endmacro %}

{# Measures that the population register gives as well: `int_register_measures`. #}
{% macro register_measures() -%}
    'person_years', 'residents', 'residents_live'
{%- endmacro %}

{# A person on the other side: in a proportion, part of the denominator only. #}
{% macro is_apart() -%}
    (kind = 'proportion' and denominator - numerator > 1e-9)
{%- endmacro %}

{# The same, or in a rate one without event. #}
{% macro is_complement() -%}
    ({{ is_apart() }} or (kind = 'rate' and denominator > 0 and numerator = 0))
{%- endmacro %}
