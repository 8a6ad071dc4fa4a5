-- Several resources can be one person (a number that was replaced): the first by key stands for all.
with ranked as (
    select
        patients.*,
        max(cast(patients.is_graded as integer)) over (partition by patients.person_id) = 1
            as any_graded,
        row_number() over (partition by patients.person_id order by patients.patient_key) as position
    from {{ ref('stg_journal__patient') }} as patients
)

select
    person_id,
    sex,
    birth_date,
    death_date,
    gp_office_key,
    any_graded as is_graded
from ranked
where position = 1
