-- Whoever has hours of home care. Who is granted a service without hours is not among them.
select
    service,
    person_id,
    year,
    municipality_code,
    provider_key,
    cast(1 as double) as value
from {{ ref('msr_home_care_hours') }}
