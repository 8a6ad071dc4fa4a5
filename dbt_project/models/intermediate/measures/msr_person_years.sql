-- Read once, by all measures together: written twice it would be the largest table there is.
{{ config(materialized='view') }}
select
    covered.service,
    covered.person_id,
    covered.year,
    covered.municipality_code,
    cast(null as varchar) as provider_key,
    cast(covered.covered_days as double) / years.days as value
from {{ ref('int_covered_days') }} as covered
inner join {{ source('catalogue', 'years') }} as years on covered.year = years.year
