-- The address history that came with the person's latest version, and no older one.
with latest_person as (
    {{ latest_version('patient', 'patient_key') }}
)

select
    residence.patient_key,
    residence.municipality_code,
    residence.valid_from,
    residence.valid_to
from {{ source('journal', 'residence') }} as residence
inner join latest_person
    on
        residence.patient_key = latest_person.patient_key
        and residence.delivery = latest_person.delivery
        and residence.source = latest_person.source
