-- Of all tables at once: side by side, each table's own count would need memory of its own. All that
-- came twice, whatever of it still stands: looking that up for every row would cost more.
-- Loops are indented as Jinja, not as the SQL that comes out: without LT02.
-- sqlfluff:exclude_rules:ST06,RF04,LT05,LT02
{{ config(materialized='table') }}
{% set tables = resource_keys() | reject('equalto', 'reservation') | list %}
select versions.number
from (
    {% for table in tables %}
    select {{ key_number(resource_keys()[table]) }} as number
    from {{ source('journal', table) }}
    where transaction_time <= {{ as_of() }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
) as versions
group by versions.number
having count(*) > 1
