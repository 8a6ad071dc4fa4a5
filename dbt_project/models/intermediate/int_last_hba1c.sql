-- The last HbA1c of persons with type 2 diabetes; of several on one day the lowest.
with
{{ looking_back('diabetes_t2', 'hba1c_measured_share', 'measured_within_months') }},

readings as (
    select
        patient_key,
        observed_on,
        value
    from {{ ref('stg_journal__observation') }}
    where value is not null and {{ in_code_set('hba1c_analyses', "'nlk'", 'code') }}
)

select
    lookback.person_id,
    lookback.year,
    lookback.municipality_code,
    readings.observed_on,
    readings.value as hba1c
from lookback
inner join {{ ref('int_person_links') }} as links on lookback.person_id = links.person_id
inner join readings
    on
        links.patient_key = readings.patient_key
        and lookback.after_day < readings.observed_on
        and lookback.last_day >= readings.observed_on
qualify row_number() over (
    partition by lookback.person_id, lookback.year
    order by readings.observed_on desc, readings.value asc
) = 1
