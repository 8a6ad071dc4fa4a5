with latest as (
    {{ latest_version('bed_capacity') }}
)

select
    capacity_key,
    location_key,
    municipality_code,
    beds,
    valid_from,
    valid_to
from latest
