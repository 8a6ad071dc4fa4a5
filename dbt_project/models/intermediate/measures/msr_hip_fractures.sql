-- A person counts once a year, where the first of the stays began.
select
    cast(null as varchar) as service,
    diagnoses.person_id,
    diagnoses.year,
    diagnoses.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_emergency_diagnoses') }} as diagnoses
where {{ in_code_set('hip_fracture', 'diagnoses.code_system', 'diagnoses.code') }}
qualify row_number() over (
    partition by diagnoses.person_id, diagnoses.year
    order by diagnoses.started_on, diagnoses.condition_key
) = 1
