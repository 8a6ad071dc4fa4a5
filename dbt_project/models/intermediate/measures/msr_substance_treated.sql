-- A person counts once a year, where the first of the stays began.
select
    cast(null as varchar) as service,
    person_id,
    year,
    municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_covered_contacts') }}
where class_code = 'IMP' and service_type = 'substance'
qualify row_number() over (
    partition by person_id, year
    order by started_on, encounter_key
) = 1
