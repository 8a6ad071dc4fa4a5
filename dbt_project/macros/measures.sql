{# Every measure there is; `tests/contract` holds the list to the models and to the catalogue. #}
{% macro measures() -%}
{{ return([
    'admission_notices',
    'admission_reports',
    'airway_antibiotics',
    'airway_narrow_penicillins',
    'ambulatory_sensitive_stays',
    'assessed_users',
    'asthma',
    'available_bed_days',
    'bed_days',
    'benzodiazepines',
    'breastfed_6_months',
    'care_messages',
    'care_messages_rejected',
    'checked_on_schedule',
    'copd',
    'decisions_started_7d',
    'dementia',
    'dementia_antipsychotics',
    'diabetes_t2',
    'digital_supervision_users',
    'discharge_reports',
    'early_notices',
    'emergency_stays',
    'extensive_need_users',
    'feeding_known_6_months',
    'go_live_staff',
    'go_live_staff_trained',
    'gp_residents',
    'hba1c_at_most_53',
    'hba1c_measured',
    'heart_attacks',
    'hip_fractures',
    'home_care_hours',
    'home_care_users',
    'home_nursing_nutrition_screened',
    'home_nursing_users',
    'hypertension',
    'hypertension_controlled',
    'index_discharges',
    'influenza_vaccinated',
    'journal_entries',
    'long_stay_dental_checked',
    'long_stay_medication_reviewed',
    'long_stay_nutrition_screened',
    'long_stay_residents',
    'long_stay_seen_by_doctor',
    'long_term_opioids',
    'measured_8_years',
    'mental_diagnoses',
    'migration_persons_confirmed',
    'migration_persons_received',
    'migration_records_confirmed',
    'migration_records_received',
    'mmr_one_dose',
    'mmr_two_doses',
    'municipal_emergency_bed_stays',
    'musculoskeletal_diagnoses',
    'new_decisions',
    'nursing_home_falls',
    'nursing_home_waiting',
    'occupied_bed_days',
    'open_worklist_items',
    'out_of_hours_contacts',
    'overdue_worklist_items',
    'overweight_8_years',
    'person_years',
    'personal_assistance_users',
    'polypharmacy',
    'portal_active',
    'portal_forms_answered',
    'portal_forms_sent',
    'practical_help_users',
    'queries',
    'queries_answered',
    'readmissions_30d',
    'ready_episodes',
    'ready_for_discharge_cost',
    'residents',
    'residents_live',
    'safety_alarm_users',
    'same_day_entries',
    'same_day_episodes',
    'self_harm_contacts',
    'short_stays_ended',
    'short_stays_to_home',
    'staff',
    'staff_active',
    'strokes',
    'structured_entries',
    'substance_treated',
    'user_admission_notices',
    'waiting_days',
]) }}
{%- endmacro %}

{# Measures of dated events, whose models tell the month as well; a year is the sum of its months. #}
{% macro dated_measures() -%}
{{ return([
    'admission_notices',
    'admission_reports',
    'airway_antibiotics',
    'airway_narrow_penicillins',
    'available_bed_days',
    'bed_days',
    'care_messages',
    'care_messages_rejected',
    'decisions_started_7d',
    'discharge_reports',
    'early_notices',
    'journal_entries',
    'municipal_emergency_bed_stays',
    'new_decisions',
    'nursing_home_falls',
    'occupied_bed_days',
    'out_of_hours_contacts',
    'portal_forms_answered',
    'portal_forms_sent',
    'queries',
    'queries_answered',
    'ready_episodes',
    'ready_for_discharge_cost',
    'same_day_entries',
    'same_day_episodes',
    'short_stays_ended',
    'short_stays_to_home',
    'structured_entries',
    'user_admission_notices',
    'waiting_days',
]) }}
{%- endmacro %}

{#
  Measures that carry splits (`catalogue/breakdowns.yml`): their models tell the value of each row
  in `by_<split>`. What is counted in a row is of one value, so that values add up to the total.
#}
{% macro split_measures() -%}
{{ return({
    'device': ['journal_entries', 'same_day_entries'],
    'home_service': ['decisions_started_7d', 'new_decisions'],
    'service': [
        'journal_entries',
        'open_worklist_items',
        'overdue_worklist_items',
        'same_day_entries',
        'structured_entries',
    ],
    'ward_group': ['admission_notices', 'early_notices'],
}) }}
{%- endmacro %}

{#
  Measures that stand where a service recorded them, under the code of the day: nobody can say where
  that was by other borders. `tests/integration/test_synthetic_reconciliation` holds the list to data.
#}
{% macro recorded_measures() -%}
    'admission_notices',
    'admission_reports',
    'available_bed_days',
    'bed_days',
    'care_messages',
    'care_messages_rejected',
    'decisions_started_7d',
    'discharge_reports',
    'early_notices',
    'go_live_staff',
    'go_live_staff_trained',
    'journal_entries',
    'migration_persons_confirmed',
    'migration_persons_received',
    'migration_records_confirmed',
    'migration_records_received',
    'new_decisions',
    'nursing_home_falls',
    'occupied_bed_days',
    'open_worklist_items',
    'overdue_worklist_items',
    'queries',
    'queries_answered',
    'ready_episodes',
    'ready_for_discharge_cost',
    'same_day_entries',
    'same_day_episodes',
    'short_stays_ended',
    'short_stays_to_home',
    'staff',
    'staff_active',
    'structured_entries',
    'user_admission_notices',
    'waiting_days'
{%- endmacro %}

{# The indicator counts something recorded under a code that was not in use at the end of the year. #}
{% macro is_recorded_elsewhere(municipality, last_day) -%}
    (
        (
            indicators.numerator_measure in ({{ recorded_measures() }})
            or indicators.denominator_measure in ({{ recorded_measures() }})
        )
        and (
            {{ last_day }} < {{ municipality }}.recorded_from
            or {{ last_day }} > {{ open_end(municipality ~ '.recorded_to') }}
        )
    )
{%- endmacro %}

{#
  Codes of a named set from the catalogue, as a condition on a row's system and code. No `exists`:
  DuckDB would hold all rows in memory to find their different codes.
#}
{% macro in_code_set(code_set, system, code) -%}
    ({{ system }}, {{ code }}) in (
        select members.code_system, members.code
        from {{ ref('int_code_set_members') }} as members
        where members.code_set = '{{ code_set }}'
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
