select
    cast(null as varchar) as service,
    staff_key as person_id,
    year,
    municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_employments') }}
where month = 12 and is_active
