{#
  The values of a split add up to the year's total in every place, and nothing is lost or counted
  twice between them. Strata leave out bands that straddle an age limit: there publication looks.
#}
{% test adds_up_to_the_total(model) %}
with asked as (
    select distinct
        totals.indicator_id,
        totals.area_code,
        breakdowns.breakdown,
        totals.period_start,
        totals.numerator,
        totals.denominator
    from {{ ref('fct_flow_counts') }} as totals
    inner join {{ source('catalogue', 'breakdowns') }} as breakdowns
        on totals.indicator_id = breakdowns.indicator_id
),

parts as (
    select
        counts.indicator_id,
        counts.area_code,
        counts.breakdown,
        counts.period_start,
        sum(counts.numerator) as numerator,
        sum(counts.denominator) as denominator
    from {{ model }} as counts
    inner join {{ source('catalogue', 'indicators') }} as indicators
        on counts.indicator_id = indicators.indicator_id
    where indicators.counting = 'flow'
    group by counts.indicator_id, counts.area_code, counts.breakdown, counts.period_start
)

select
    coalesce(asked.indicator_id, parts.indicator_id) as indicator_id,
    count(*) as places
from asked
full outer join parts
    on
        asked.indicator_id = parts.indicator_id
        and asked.area_code = parts.area_code
        and asked.breakdown = parts.breakdown
        and asked.period_start = parts.period_start
where
    parts.numerator is null
    or asked.numerator is null
    or abs(parts.numerator - asked.numerator) > 1e-6
    or abs(parts.denominator - asked.denominator) > 1e-6
group by coalesce(asked.indicator_id, parts.indicator_id)
{% endtest %}
