with latest as (
    {{ latest_version('staff') }}
)

select
    staff_key,
    municipality_code,
    employed_from,
    employed_to,
    first_login_on,
    trained_on
from latest
