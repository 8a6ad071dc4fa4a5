-- The address history that came with the person's latest version, and no older one.
with latest as (
    {{ of_latest_patient('residence') }}
)

select
    patient_key,
    municipality_code,
    municipality_2019,
    municipality_2020,
    municipality_2024,
    valid_from,
    valid_to
from latest
