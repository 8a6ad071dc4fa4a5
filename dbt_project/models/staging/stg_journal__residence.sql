-- The address history that came with the person's latest version, and no older one.
with latest as (
    {{ of_latest_patient('residence') }}
)

select
    patient_key,
    municipality_code,
    valid_from,
    valid_to
from latest
