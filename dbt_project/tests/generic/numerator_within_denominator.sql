{#
  In a proportion, the numerator is part of the denominator. Where the denominator is of the
  population register, `numerator_within_register` looks.
#}
{% test numerator_within_denominator(model) %}
select counts.indicator_id
from {{ model }} as counts
inner join {{ source('catalogue', 'indicators') }} as indicators
    on counts.indicator_id = indicators.indicator_id
where
    indicators.kind = 'proportion'
    and not {{ is_of_the_register() }}
    and counts.numerator > counts.denominator + 1e-9
{% endtest %}
