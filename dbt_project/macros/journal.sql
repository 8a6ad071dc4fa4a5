{#
  The version of each resource that was known last: by the manifest's transaction time, then by
  the delivery's name, never by order of arrival. With `many` the key has several rows a version.
#}
{% macro latest_version(table, key, many=false) -%}
select *
from {{ source('journal', table) }}
qualify {{ 'dense_rank()' if many else 'row_number()' }} over (
    partition by {{ key }}
    order by transaction_time desc, delivery desc
) = 1
{%- endmacro %}
