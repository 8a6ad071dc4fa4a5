{# Every measure there is; `tests/contract` holds the list to the models and to the catalogue. #}
{% macro measures() -%}
{{ return([
    'airway_antibiotics',
    'airway_narrow_penicillins',
    'bed_days',
    'benzodiazepines',
    'dementia',
    'dementia_antipsychotics',
    'diabetes_t2',
    'emergency_stays',
    'gp_residents',
    'home_nursing_users',
    'index_discharges',
    'journal_entries',
    'long_stay_residents',
    'long_term_opioids',
    'mental_diagnoses',
    'musculoskeletal_diagnoses',
    'person_years',
    'polypharmacy',
    'portal_active',
    'portal_forms_answered',
    'portal_forms_sent',
    'readmissions_30d',
    'ready_episodes',
    'residents',
    'residents_live',
    'same_day_episodes',
    'staff',
    'staff_active',
    'structured_entries',
    'waiting_days',
]) }}
{%- endmacro %}

{# Codes of a named set from the catalogue, as a condition on a row's system and code. #}
{% macro in_code_set(code_set, system, code) -%}
exists (
    select 1
    from {{ source('catalogue', 'code_sets') }} as code_sets
    where code_sets.code_set = '{{ code_set }}'
        and code_sets.code_system = {{ system }}
        and starts_with({{ code }}, code_sets.prefix)
)
{%- endmacro %}

{# Covered residents with an event that meets a condition, such as `code_set = '…'`: a measure. #}
{% macro gp_residents_with(condition) -%}
select
    cast(null as varchar) as service,
    person_id,
    year,
    municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_gp_events') }}
where {{ condition }}
group by person_id, year, municipality_code
{%- endmacro %}
