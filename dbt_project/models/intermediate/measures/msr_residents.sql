-- Read once, by all measures together: written twice it would be the largest table there is.
{{ config(materialized='view') }}
select
    cast(null as varchar) as service,
    person_id,
    year,
    municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_residents') }}
