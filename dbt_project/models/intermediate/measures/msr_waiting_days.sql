select
    cast(null as varchar) as service,
    person_id,
    year,
    month,
    municipality_code,
    cast(null as varchar) as provider_key,
    cast(sum(waiting_days) as double) as value
from {{ ref('int_finished_stays') }}
where notice_on is not null
group by person_id, year, month, municipality_code
