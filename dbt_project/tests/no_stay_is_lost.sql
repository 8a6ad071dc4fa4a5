-- Stays whose person never arrived are counted here, so that they are seen and not just dropped.
{{ config(severity='warn') }}
select encounters.encounter_key
from {{ ref('stg_journal__encounter') }} as encounters
left join {{ ref('int_person_links') }} as links on encounters.patient_key = links.patient_key
where links.patient_key is null
