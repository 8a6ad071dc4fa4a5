with latest as (
    {{ latest_version('immunization') }}
)

select
    immunization_key,
    patient_key,
    vaccine_code,
    dose_number,
    given_on
from latest
where status = 'completed'
