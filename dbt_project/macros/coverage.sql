{# What a covered share makes of a municipality's figure; a share just at a limit is not below it. #}
{% macro coverage_state(shares) -%}
case
    when {{ shares }}.covered_share < {{ shares }}.flagged_share - 1e-9 then 'not_covered'
    when
        {{ shares }}.covered_share < {{ shares }}.full_share - 1e-9
        or {{ shares }}.mean_live_share < {{ shares }}.full_share - 1e-9
        then 'flagged'
    else 'full'
end
{%- endmacro %}

{# The same of the region, which is covered as far as some municipality is. #}
{% macro region_coverage_state() -%}
case
    when coalesce(covered_share, 0) = 0 then 'not_covered'
    when covered_share < full_share - 1e-9 then 'flagged'
    else 'full'
end
{%- endmacro %}

{# Inhabitants by municipality and year, as the register and as the journal know them. #}
{% macro inhabitants_at_year_end() -%}
    select
        'register' as inhabitants_from,
        municipality_code,
        year,
        sum(persons_end) as residents
    from {{ ref('int_register_population') }}
    group by municipality_code, year
    union all
    select
        'journal' as inhabitants_from,
        municipality_code,
        year,
        count(*) as residents
    from {{ ref('int_residents') }}
    where municipality_code is not null
    group by municipality_code, year
{%- endmacro %}
