{# Every class of equal quasi-identifiers holds at least k rows. #}
{% test k_anonymous(model, columns, k) %}
select count(*) as persons
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) < {{ k }}
{% endtest %}
