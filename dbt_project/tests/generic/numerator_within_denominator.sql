{# In a proportion, the numerator is part of the denominator. #}
{% test numerator_within_denominator(model) %}
select counts.indicator_id
from {{ model }} as counts
inner join {{ source('catalogue', 'indicators') }} as indicators
    on counts.indicator_id = indicators.indicator_id
where
    indicators.kind = 'proportion'
    and counts.numerator > counts.denominator + 1e-9
{% endtest %}
