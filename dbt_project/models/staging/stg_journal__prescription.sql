with latest as (
    {{ latest_version('prescription') }}
)

select
    prescription_key,
    patient_key,
    atc_code,
    authored_on,
    provider_key
from latest
where status not in ('cancelled', 'entered-in-error')
