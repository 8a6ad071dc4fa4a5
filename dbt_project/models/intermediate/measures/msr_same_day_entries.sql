-- Read once, by all measures together: written twice it would be the largest table there is.
{{ config(materialized='view') }}
select
    cast(null as varchar) as service,
    person_id,
    year,
    month,
    municipality_code,
    staff_key as provider_key,
    by_service,
    by_device,
    cast(count(*) as double) as value
from {{ ref('int_journal_entries') }}
where is_same_day
group by person_id, year, month, municipality_code, staff_key, by_service, by_device
