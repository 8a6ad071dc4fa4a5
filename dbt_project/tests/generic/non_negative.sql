{# No measure is below zero. #}
{% test non_negative(model, column_name) %}
select 1 as negative_row
from {{ model }}
where {{ column_name }} < 0
{% endtest %}
