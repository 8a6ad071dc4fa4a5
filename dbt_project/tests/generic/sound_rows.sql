-- Loops are indented as Jinja, not as the SQL that comes out: without LT02.
-- sqlfluff:exclude_rules:ST06,RF04,LT05,LT02
{#
  The stated grain holds (no two rows share the columns of `grain`, nulls counting as equal), and
  the columns of `filled` are never null. One pass for both kinds costs a fraction of a test for
  every column; what comes out is one row a broken promise: which, and how many rows break it.
#}
{% test sound_rows(model, grain=none, filled=[]) %}
with promises as (
    select
        {%- for column in filled %}
        count(*) - count({{ column }}) as empty_{{ loop.index }},
        {%- endfor %}
        {%- if grain %}
        count(*) - (
            select count(*)
            from (select distinct {{ grain | join(', ') }} from {{ model }}) as grains
        ) as repeated,
        {%- endif %}
        count(*) as all_rows
    from {{ model }}
)

{%- for column in filled %}
select
    'rows without {{ column }}' as broken_promise,
    empty_{{ loop.index }} as rows_that_break_it
from promises
where empty_{{ loop.index }} > 0
{{ 'union all' if grain or not loop.last }}
{%- endfor %}
{%- if grain %}
select
    'rows beyond the first of the same {{ grain | join(', ') }}' as broken_promise,
    repeated as rows_that_break_it
from promises
where repeated > 0
{%- endif %}
{% endtest %}
