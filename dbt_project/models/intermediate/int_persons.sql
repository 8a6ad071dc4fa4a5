-- Several resources can be one person: the one that stands for the person gives sex and dates, and
-- who is graded by one of them is graded.
with resources as (
    select
        links.person_id,
        links.standing,
        patients.sex,
        patients.birth_date,
        patients.death_date,
        patients.gp_office_key,
        max(cast(patients.is_graded as integer)) over (partition by links.person_id) = 1
            as is_graded
    from {{ ref('int_person_links') }} as links
    inner join {{ ref('stg_journal__patient') }} as patients
        on links.patient_key = patients.patient_key
)

select
    person_id,
    sex,
    birth_date,
    death_date,
    gp_office_key,
    is_graded
from resources
where standing = 1
