-- Emergency stays begun on a covered day of the municipality of residence.
select
    encounter_key,
    person_id,
    started_on,
    year,
    municipality_code
from {{ ref('int_covered_contacts') }}
where class_code = 'IMP' and priority_code = 'EM'
