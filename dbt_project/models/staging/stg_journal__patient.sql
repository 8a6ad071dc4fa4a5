-- A person once graded stays graded: history that was hidden must not come back by a later version.
-- A newborn without a national number yet is a person by the resource alone.
with latest as (
    {{ latest_version('patient') }}
),

ever_graded as (
    select distinct patient_key
    from {{ source('journal', 'patient') }}
    where is_graded
)

select
    latest.patient_key,
    latest.sex,
    latest.birth_date,
    latest.death_date,
    latest.gp_office_key,
    coalesce(latest.person_id, latest.patient_key) as person_id,
    ever_graded.patient_key is not null as is_graded
from latest
left join ever_graded on latest.patient_key = ever_graded.patient_key
