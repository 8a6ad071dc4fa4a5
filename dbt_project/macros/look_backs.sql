{#
  Look-backs from the end of a year: how far is a parameter of the indicator that is named, in
  months, and `after_day` the day before the first that counts. What is looked for stands in the
  models.
#}

{# Persons of a measure and the days of their look-back, as a CTE to begin a model with. #}
{% macro looking_back(measure, indicator, parameter) -%}
lookback as (
    select
        measured.person_id,
        measured.year,
        measured.municipality_code,
        years.last_day,
        {{ add_months('years.last_day', '-1 * months.value') }} as after_day
    from {{ ref('msr_' ~ measure) }} as measured
    inner join {{ source('catalogue', 'years') }} as years on measured.year = years.year
    inner join {{ source('catalogue', 'indicator_parameters') }} as months
        on
            months.indicator_id = '{{ indicator }}'
            and months.parameter = '{{ parameter }}'
)
{%- endmacro %}

{# A measure: one for each person, year and place of a model, those that a condition chooses. #}
{% macro persons_of(model, condition) -%}
select
    cast(null as varchar) as service,
    person_id,
    year,
    municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref(model) }}
where {{ condition }}
{%- endmacro %}
