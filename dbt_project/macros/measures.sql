{# Every measure there is; `tests/contract` holds the list to the models and to the catalogue. #}
{% macro measures() -%}
{{ return([
    'asthma',
    'bed_days',
    'breastfed_6_months',
    'checked_on_schedule',
    'copd',
    'diabetes_t2',
    'emergency_stays',
    'feeding_known_6_months',
    'gp_residents',
    'hba1c_at_most_53',
    'hba1c_measured',
    'home_nursing_users',
    'hypertension',
    'hypertension_controlled',
    'index_discharges',
    'influenza_vaccinated',
    'journal_entries',
    'long_stay_residents',
    'measured_8_years',
    'mmr_one_dose',
    'mmr_two_doses',
    'overweight_8_years',
    'person_years',
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
