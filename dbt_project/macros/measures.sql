{# Every measure there is; `tests/contract` holds the list to the models and to the catalogue. #}
{% macro measures() -%}
{{ return([
    'assessed_users',
    'available_bed_days',
    'bed_days',
    'decisions_started_7d',
    'diabetes_t2',
    'emergency_stays',
    'extensive_need_users',
    'gp_residents',
    'home_care_hours',
    'home_care_users',
    'home_nursing_users',
    'index_discharges',
    'journal_entries',
    'long_stay_residents',
    'new_decisions',
    'nursing_home_falls',
    'nursing_home_waiting',
    'occupied_bed_days',
    'person_years',
    'personal_assistance_users',
    'portal_active',
    'portal_forms_answered',
    'portal_forms_sent',
    'practical_help_users',
    'readmissions_30d',
    'ready_episodes',
    'residents',
    'residents_live',
    'safety_alarm_users',
    'same_day_episodes',
    'short_stays_ended',
    'short_stays_to_home',
    'staff',
    'staff_active',
    'structured_entries',
    'waiting_days',
]) }}
{%- endmacro %}

{#
  Codes of a named set from the catalogue, as a condition on a row's system and code. A prefix
  stands for all that begin with it; an IPLOS code has one or two digits and stands for itself
  alone: 1 is not 15.
#}
{% macro in_code_set(code_set, system, code) -%}
exists (
    select 1
    from {{ source('catalogue', 'code_sets') }} as code_sets
    where code_sets.code_set = '{{ code_set }}'
        and code_sets.code_system = {{ system }}
        and starts_with({{ code }}, code_sets.prefix)
        and (code_sets.code_system <> 'iplos' or code_sets.prefix = {{ code }})
)
{%- endmacro %}
