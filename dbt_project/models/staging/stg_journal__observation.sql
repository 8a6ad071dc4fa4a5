-- A function score of 9 means that the function is not relevant: no value, and never a number.
with latest as (
    {{ latest_version('observation') }}
)

select
    observation_key,
    patient_key,
    code,
    case when code <> 'function_score' or value <> 9 then value end as value,
    systolic,
    diastolic,
    observed_on,
    municipality_code,
    provider_key
from latest
where status <> 'entered-in-error'
