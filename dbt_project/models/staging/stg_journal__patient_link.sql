-- Links of the person's latest version, from what was replaced to what replaced it. A link that a
-- later version no longer has is undone.
with latest as (
    {{ of_latest_patient('patient_link') }}
)

select
    patient_key,
    other_patient_key as successor_key
from latest
where link_type = 'replaced-by'
union
select
    other_patient_key as patient_key,
    patient_key as successor_key
from latest
where link_type = 'replaces'
