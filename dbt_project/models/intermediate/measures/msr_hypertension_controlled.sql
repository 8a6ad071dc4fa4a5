-- The last day with a reading decides, by its lowest systolic and its lowest diastolic pressure.
with
{{ looking_back('hypertension', 'hypertension_controlled_share', 'measured_within_months') }},

readings as (
    select
        patient_key,
        observed_on,
        systolic,
        diastolic
    from {{ ref('stg_journal__observation') }}
    where
        systolic is not null
        and diastolic is not null
        and {{ in_code_set('blood_pressure_readings', "'loinc'", 'code') }}
),

last_days as (
    select
        lookback.person_id,
        lookback.year,
        lookback.municipality_code,
        min(readings.systolic) as systolic,
        min(readings.diastolic) as diastolic
    from lookback
    inner join {{ ref('int_person_links') }} as links on lookback.person_id = links.person_id
    inner join readings
        on
            links.patient_key = readings.patient_key
            and lookback.after_day < readings.observed_on
            and lookback.last_day >= readings.observed_on
    group by
        lookback.person_id, lookback.year, lookback.municipality_code, readings.observed_on
    qualify row_number() over (
        partition by lookback.person_id, lookback.year
        order by readings.observed_on desc
    ) = 1
)

select
    cast(null as varchar) as service,
    last_days.person_id,
    last_days.year,
    last_days.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from last_days
inner join {{ source('catalogue', 'indicator_parameters') }} as systolic
    on
        systolic.indicator_id = 'hypertension_controlled_share'
        and systolic.parameter = 'below_systolic'
inner join {{ source('catalogue', 'indicator_parameters') }} as diastolic
    on
        diastolic.indicator_id = 'hypertension_controlled_share'
        and diastolic.parameter = 'below_diastolic'
where last_days.systolic < systolic.value and last_days.diastolic < diastolic.value
