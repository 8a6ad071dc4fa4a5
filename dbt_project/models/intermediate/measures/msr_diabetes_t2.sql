-- A diagnosis decides. Drugs alone count only with two dates, at least one drug that is not also
-- used for weight, heart or kidney, and no pregnancy diabetes or polycystic ovaries on record.
with lookback as (
    select
        residents.person_id,
        residents.year,
        residents.municipality_code,
        residents.last_day,
        {{ add_months('residents.last_day', '-1 * parameters.value') }} as after_day,
        least_dates.value as least_dates
    from {{ ref('msr_gp_residents') }} as covered
    inner join {{ ref('int_residents') }} as residents
        on covered.person_id = residents.person_id and covered.year = residents.year
    inner join {{ source('catalogue', 'indicator_parameters') }} as parameters
        on
            parameters.indicator_id = 'diabetes_type2_prevalence'
            and parameters.parameter = 'lookback_months'
    inner join {{ source('catalogue', 'indicator_parameters') }} as least_dates
        on
            least_dates.indicator_id = 'diabetes_type2_prevalence'
            and least_dates.parameter = 'minimum_prescriptions'
),

diagnoses as (
    select
        lookback.person_id,
        lookback.year,
        max(case when {{ in_code_set('diabetes_diagnoses', 'conditions.code_system', 'conditions.code') }} then 1 else 0 end)
            as has_diagnosis,
        max(case when {{ in_code_set('diabetes_exclusions', 'conditions.code_system', 'conditions.code') }} then 1 else 0 end)
            as has_exclusion
    from lookback
    inner join {{ ref('int_person_links') }} as links on lookback.person_id = links.person_id
    inner join {{ ref('stg_journal__condition') }} as conditions
        on
            links.patient_key = conditions.patient_key
            and lookback.after_day < conditions.recorded_on
            and lookback.last_day >= conditions.recorded_on
    group by lookback.person_id, lookback.year
),

drugs as (
    select
        lookback.person_id,
        lookback.year,
        count(distinct prescriptions.authored_on) as dates,
        max(case when {{ in_code_set('diabetes_drugs_not_alone', "'atc'", 'prescriptions.atc_code') }} then 0 else 1 end)
            as has_own_drug
    from lookback
    inner join {{ ref('int_person_links') }} as links on lookback.person_id = links.person_id
    inner join {{ ref('stg_journal__prescription') }} as prescriptions
        on
            links.patient_key = prescriptions.patient_key
            and lookback.after_day < prescriptions.authored_on
            and lookback.last_day >= prescriptions.authored_on
    where {{ in_code_set('diabetes_drugs', "'atc'", 'prescriptions.atc_code') }}
    group by lookback.person_id, lookback.year
)

select
    cast(null as varchar) as service,
    lookback.person_id,
    lookback.year,
    lookback.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from lookback
left join diagnoses on lookback.person_id = diagnoses.person_id and lookback.year = diagnoses.year
left join drugs on lookback.person_id = drugs.person_id and lookback.year = drugs.year
where
    diagnoses.has_diagnosis = 1
    or (
        drugs.dates >= lookback.least_dates
        and drugs.has_own_drug = 1
        and coalesce(diagnoses.has_exclusion, 0) = 0
    )
