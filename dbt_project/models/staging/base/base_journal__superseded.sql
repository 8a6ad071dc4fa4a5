-- Found once, for what reads the journal reads it many times. A wish is not among them: it is read
-- as it is known today.
-- Loops are indented as Jinja, not as the SQL that comes out: without LT02.
-- sqlfluff:exclude_rules:ST06,RF04,LT05,LT02
{{ config(materialized='table') }}
{% for table, key in resource_keys().items() if table != 'reservation' %}
({{ superseded_rows(table, key) }})
{% if not loop.last %}union all{% endif %}
{% endfor %}
