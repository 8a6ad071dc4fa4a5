with latest as (
    {{ latest_version('migration_count') }}
)

select
    report_key,
    municipality_code,
    measure,
    received,
    confirmed,
    counted_on
from latest
