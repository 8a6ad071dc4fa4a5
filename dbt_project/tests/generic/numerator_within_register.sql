{#
  Strata with more persons in the numerator than the population register has inhabitants, by
  indicator: somebody has moved and is not registered yet. How many strata, never which.
#}
{% test numerator_within_register(model) %}
select
    counts.indicator_id,
    count(*) as strata
from {{ model }} as counts
inner join {{ source('catalogue', 'indicators') }} as indicators
    on counts.indicator_id = indicators.indicator_id
where
    indicators.kind = 'proportion'
    and {{ is_of_the_register() }}
    and counts.numerator > counts.denominator + 1e-9
group by counts.indicator_id
{% endtest %}
