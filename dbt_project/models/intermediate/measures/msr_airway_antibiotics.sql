select
    cast(null as varchar) as service,
    person_id,
    year,
    month,
    municipality_code,
    provider_key,
    cast(count(*) as double) as value
from {{ ref('int_airway_antibiotics') }}
group by person_id, year, month, municipality_code, provider_key
