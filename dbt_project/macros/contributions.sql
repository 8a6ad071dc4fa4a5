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
  Rows of the years that periods of several years hold, as CTEs: `pooled_places`, the municipalities
  of a period and its years, and `pooled_rows`, what is measured there and in nobody's place. What the
  population register counts instead is left out.
#}
{% macro pooled_rows() -%}
    {{ sides() }},

pooled_places as (
    select
        of_window.indicator_id,
        of_window.area_code as municipality_code,
        windows.pooled_years,
        windows.first_day,
        windows.last_day,
        windows.year
    from {{ ref('fct_pooled_coverage') }} as of_window
    inner join {{ source('catalogue', 'indicators') }} as indicators
        on of_window.indicator_id = indicators.indicator_id
    inner join {{ source('catalogue', 'windows') }} as windows
        on
            indicators.pooled_years = windows.pooled_years
            and of_window.period_start = windows.first_day
    where
        of_window.area_level = 'municipality'
        and of_window.coverage_state <> 'not_covered'
),

pooled_rows as (
    select
        indicators.indicator_id,
        indicators.kind,
        measured.person_id,
        measured.municipality_code,
        windows.first_day,
        windows.last_day,
        persons.sex,
        {{ age_at_year_end('persons.birth_date', 'measured.year') }} as age,
        case when indicators.is_numerator then measured.value else 0 end as numerator,
        case when indicators.is_numerator then 0 else measured.value end as denominator
    from sides as indicators
    inner join {{ source('catalogue', 'windows') }} as windows
        on indicators.pooled_years = windows.pooled_years
    inner join {{ ref('int_measure_values') }} as measured
        on
            indicators.measure_id = measured.measure_id
            and windows.year = measured.year
            and coalesce(measured.service, indicators.service) = indicators.service
    inner join {{ ref('int_persons') }} as persons on measured.person_id = persons.person_id
    left join pooled_places as covered
        on
            indicators.indicator_id = covered.indicator_id
            and measured.municipality_code = covered.municipality_code
            and windows.year = covered.year
            and windows.first_day = covered.first_day
    where
        {{ age_at_year_end('persons.birth_date', 'measured.year') }}
        between indicators.age_min and indicators.age_max
        and (measured.municipality_code is null or covered.indicator_id is not null)
        -- A public denominator leaves graded persons out, and the register may tell it instead.
        and (indicators.is_numerator or not {{ is_of_the_register() }})
        and (
            indicators.is_numerator
            or not indicators.has_public_denominator
            or measured.municipality_code is not null
        )
),

-- Inhabitants of those places by the register, where it is whom the indicator is counted among.
pooled_inhabitants as (
    select
        indicators.indicator_id,
        covered.municipality_code,
        covered.pooled_years,
        covered.first_day,
        covered.last_day,
        covered.year,
        inhabitants.sex,
        inhabitants.age,
        inhabitants.value,
        inhabitants.persons
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join pooled_places as covered on indicators.indicator_id = covered.indicator_id
    inner join {{ ref('int_register_measures') }} as inhabitants
        on
            indicators.denominator_measure = inhabitants.measure_id
            and coalesce(inhabitants.service, indicators.service) = indicators.service
            and covered.municipality_code = inhabitants.municipality_code
            and covered.year = inhabitants.year
            and inhabitants.age between indicators.age_min and indicators.age_max
    where {{ is_of_the_register() }}
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
