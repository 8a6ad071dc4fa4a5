-- What was carried over when a municipality went live: of each thing counted, the counts of the last
-- day on which it was, which may be those of its parts. What was received beyond what was confirmed
-- makes up for nothing that is missing elsewhere.
select
    report_key,
    municipality_code,
    cast(extract(year from counted_on) as integer) as year,
    measure = 'clinical_records' as is_of_records,
    least(received, confirmed) as received,
    confirmed
from {{ ref('stg_journal__migration_count') }}
qualify rank() over (partition by municipality_code, measure order by counted_on desc) = 1
