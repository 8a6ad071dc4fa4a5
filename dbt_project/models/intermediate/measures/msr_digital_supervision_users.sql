-- Whoever has both kinds counts once.
select
    cast(null as varchar) as service,
    person_id,
    year,
    municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_care_users') }}
where {{ in_code_set('digital_supervision', "'iplos'", 'service_type_code') }}
group by person_id, year, municipality_code
