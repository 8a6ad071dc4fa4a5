select
    cast(null as varchar) as service,
    person_id,
    year,
    month,
    municipality_code,
    cast(null as varchar) as provider_key,
    by_home_service,
    cast(count(*) as double) as value
from {{ ref('int_new_decisions') }}
group by person_id, year, month, municipality_code, by_home_service
