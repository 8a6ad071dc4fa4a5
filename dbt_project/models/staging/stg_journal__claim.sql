with latest as (
    {{ latest_version('claim') }}
)

select
    claim_key,
    patient_key,
    service,
    contact_type,
    billed_on,
    provider_key,
    municipality_code
from latest
where status not in ('cancelled', 'entered-in-error')
