select
    cast(null as varchar) as service,
    person_id,
    year,
    municipality_code,
    cast(null as varchar) as provider_key,
    cast(sum(weekly_hours) as double) as value
from {{ ref('int_running_services') }}
where
    weekly_hours > 0
    and {{ in_code_set('home_care_services', "'iplos'", 'service_type_code') }}
group by person_id, year, municipality_code
