select
    service,
    person_id,
    year,
    month,
    municipality_code,
    cast(null as varchar) as provider_key,
    by_ward_group,
    cast(count(*) as double) as value
from {{ ref('int_admission_notices') }}
group by service, person_id, year, month, municipality_code, by_ward_group
