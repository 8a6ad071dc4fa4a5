-- A person once graded stays graded: history that was hidden must not come back by a later version.
with latest as (
    {{ latest_version('patient', 'patient_key') }}
),

ever_graded as (
    select distinct patient_key
    from {{ source('journal', 'patient') }}
    where is_graded
)

select
    latest.patient_key,
    latest.person_id,
    latest.sex,
    latest.birth_date,
    latest.death_date,
    latest.gp_office_key,
    ever_graded.patient_key is not null as is_graded
from latest
left join ever_graded on latest.patient_key = ever_graded.patient_key
