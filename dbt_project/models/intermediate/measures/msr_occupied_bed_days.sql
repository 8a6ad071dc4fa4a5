select
    cast(null as varchar) as service,
    person_id,
    year,
    municipality_code,
    provider_key,
    cast(sum(days) as double) as value
from {{ ref('int_institution_days') }}
group by person_id, year, municipality_code, provider_key
