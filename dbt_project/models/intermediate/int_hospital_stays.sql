-- One row per inpatient stay, with the person's place on the last day.
with stays as (
    select
        encounters.encounter_key,
        links.person_id,
        encounters.status,
        encounters.priority_code,
        encounters.service_type,
        encounters.started_on,
        encounters.ended_on,
        encounters.municipality_of_stay,
        encounters.discharge_disposition
    from {{ ref('stg_journal__encounter') }} as encounters
    inner join {{ ref('int_person_links') }} as links
        on encounters.patient_key = links.patient_key
    where encounters.class_code = 'IMP'
)

select
    stays.*,
    persons.is_graded,
    at_end.municipality_code as municipality_at_end,
    at_end.person_id is not null as is_resident_at_end
from stays
inner join {{ ref('int_persons') }} as persons on stays.person_id = persons.person_id
left join {{ ref('int_residence_spells') }} as at_end
    on
        stays.person_id = at_end.person_id
        and stays.ended_on >= at_end.valid_from
        and stays.ended_on < at_end.valid_to
