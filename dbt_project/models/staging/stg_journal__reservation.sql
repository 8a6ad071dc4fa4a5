-- A wish is about today: also when an old release is made again, the latest one counts.
with latest as (
    {{ version_of_today('reservation') }}
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
