with latest as (
    {{ latest_version('condition') }}
)

select
    condition_key,
    patient_key,
    encounter_key,
    code_system,
    code,
    recorded_on,
    provider_key
from latest
where verification_status = 'confirmed'
