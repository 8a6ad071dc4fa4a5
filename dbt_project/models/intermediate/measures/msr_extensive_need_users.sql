select
    users.service,
    users.person_id,
    users.year,
    users.municipality_code,
    users.provider_key,
    users.value
from {{ ref('msr_assessed_users') }} as users
inner join {{ ref('int_need_scores') }} as scores
    on users.person_id = scores.person_id and users.year = scores.year
inner join {{ source('catalogue', 'indicator_parameters') }} as extensive
    on
        extensive.indicator_id = 'extensive_need_share'
        and extensive.parameter = 'extensive_from_score'
where scores.score >= extensive.value
