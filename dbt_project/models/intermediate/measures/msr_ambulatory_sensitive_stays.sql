select
    cast(null as varchar) as service,
    diagnoses.person_id,
    diagnoses.year,
    diagnoses.municipality_code,
    cast(null as varchar) as provider_key,
    cast(count(distinct diagnoses.encounter_key) as double) as value
from {{ ref('int_emergency_diagnoses') }} as diagnoses
where {{ in_code_set('ambulatory_sensitive_conditions', 'diagnoses.code_system', 'diagnoses.code') }}
group by diagnoses.person_id, diagnoses.year, diagnoses.municipality_code
