-- Users of a municipal service at the end of the year whose need has been scored in the year.
select distinct
    cast(null as varchar) as service,
    users.person_id,
    users.year,
    users.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_care_users') }} as users
inner join {{ ref('int_need_scores') }} as scores
    on users.person_id = scores.person_id and users.year = scores.year
where {{ in_code_set('assessed_services', "'iplos'", 'users.service_type_code') }}
