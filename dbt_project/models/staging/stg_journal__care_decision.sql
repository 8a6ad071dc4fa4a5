-- A revoked decision stays: whoever waited for it waited until then.
with latest as (
    {{ latest_version('care_decision') }}
)

select
    decision_key,
    patient_key,
    status,
    service_type_code,
    municipality_code,
    decided_on,
    first_service_on
from latest
where status <> 'entered-in-error'
