{# The stated grain holds: no two rows share the columns, nulls counting as equal. #}
{% test unique_grain(model, columns) %}
select count(*) as rows_of_one_grain
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
