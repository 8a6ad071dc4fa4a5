-- What was diagnosed in an emergency stay: main and secondary diagnoses, which nothing tells apart.
select
    conditions.condition_key,
    stays.encounter_key,
    stays.person_id,
    stays.started_on,
    stays.year,
    stays.municipality_code,
    conditions.code_system,
    conditions.code
from {{ ref('int_emergency_stays') }} as stays
inner join {{ ref('stg_journal__condition') }} as conditions
    on stays.encounter_key = conditions.encounter_key
