select
    cast(null as varchar) as service,
    person_id,
    year,
    month,
    municipality_code,
    cast(null as varchar) as provider_key,
    cast(sum(bed_days) as double) as value
from {{ ref('int_finished_stays') }}
group by person_id, year, month, municipality_code
