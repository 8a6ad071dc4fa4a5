{#
  The few functions that DuckDB and Spark spell differently. Models use these names only, so that
  moving the restricted zone to a distributed engine changes this file and no model.
#}
{% macro days_between(first, last) -%}
    {{ adapter.dispatch('days_between', 'folkepuls')(first, last) }}
{%- endmacro %}

{% macro duckdb__days_between(first, last) -%}
    date_diff('day', {{ first }}, {{ last }})
{%- endmacro %}

{% macro spark__days_between(first, last) -%}
    datediff({{ last }}, {{ first }})
{%- endmacro %}

{% macro add_months(date, months) -%}
    {{ adapter.dispatch('add_months', 'folkepuls')(date, months) }}
{%- endmacro %}

{% macro duckdb__add_months(date, months) -%}
    cast({{ date }} + to_months(cast({{ months }} as integer)) as date)
{%- endmacro %}

{% macro spark__add_months(date, months) -%}
    add_months({{ date }}, {{ months }})
{%- endmacro %}

{# A number that stands for a key; two keys may share one. #}
{% macro key_number(key) -%}
    {{ adapter.dispatch('key_number', 'folkepuls')(key) }}
{%- endmacro %}

{% macro duckdb__key_number(key) -%}
    hash({{ key }})
{%- endmacro %}

{% macro spark__key_number(key) -%}
    xxhash64({{ key }})
{%- endmacro %}

{#
  Age reached at the end of the calendar year: the same for numerator and denominator, and
  nobody changes age group inside a period.
#}
{% macro age_at_year_end(birth_date, year) -%}
    {{ year }} - extract(year from {{ birth_date }})
{%- endmacro %}

{% macro open_end(date) -%}
    coalesce({{ date }}, cast('9999-12-31' as date))
{%- endmacro %}
