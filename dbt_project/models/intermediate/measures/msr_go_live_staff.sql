select
    cast(null as varchar) as service,
    staff_key as person_id,
    year,
    municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_go_live_staff') }}
