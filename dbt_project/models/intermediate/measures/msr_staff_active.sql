select
    staff.service,
    staff.person_id,
    staff.year,
    staff.municipality_code,
    staff.provider_key,
    staff.value
from {{ ref('msr_staff') }} as staff
inner join {{ source('catalogue', 'years') }} as years on staff.year = years.year
inner join {{ ref('stg_journal__staff') }} as employments
    on staff.person_id = employments.staff_key
where employments.first_login_on <= years.last_day
