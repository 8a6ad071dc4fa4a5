with latest as (
    {{ latest_version('encounter') }}
)

select
    encounter_key,
    patient_key,
    status,
    class_code,
    priority_code,
    service_type,
    started_on,
    ended_on,
    hospital_code,
    municipality_of_stay,
    discharge_disposition
from latest
where status not in ('cancelled', 'entered-in-error')
