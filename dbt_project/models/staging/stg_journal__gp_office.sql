with latest as (
    {{ latest_version('gp_office') }}
)

select
    gp_office_key,
    municipality_code,
    live_from
from latest
