with latest as (
    {{ latest_version('reservation', 'reservation_key') }}
)

select
    reservation_key,
    patient_key,
    status,
    purpose,
    valid_from,
    valid_to
from latest
where status <> 'entered-in-error'
