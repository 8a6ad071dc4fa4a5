select
    cast(null as varchar) as service,
    person_id,
    year,
    month,
    municipality_code,
    cast(null as varchar) as provider_key,
    cast(count(*) as double) as value
from {{ ref('int_short_stays') }}
where is_home
group by person_id, year, month, municipality_code
