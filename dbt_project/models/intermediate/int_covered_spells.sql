-- The days that count: a service is live for enough of the municipality. The small tolerance keeps
-- a share that adds up to the limit in decimals from falling under it in binary.
select
    municipality_code,
    service,
    valid_from,
    valid_to,
    live_share
from {{ ref('int_coverage_spells') }}
where live_share >= {{ var('covered_day_share') }} - 1e-9
