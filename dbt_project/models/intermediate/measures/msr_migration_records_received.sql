select
    cast(null as varchar) as service,
    report_key as person_id,
    year,
    municipality_code,
    cast(null as varchar) as provider_key,
    cast(received as double) as value
from {{ ref('int_migration_counts') }}
where is_of_records
