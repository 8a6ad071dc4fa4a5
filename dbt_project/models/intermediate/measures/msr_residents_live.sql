-- Read once, by all measures together: written twice it would be the largest table there is.
{{ config(materialized='view') }}
select
    cast(null as varchar) as service,
    residents.person_id,
    residents.year,
    residents.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_residents') }} as residents
inner join {{ ref('int_covered_spells') }} as covered
    on
        residents.municipality_code = covered.municipality_code
        and covered.service = 'municipal_care'
        and residents.last_day >= covered.valid_from
        and residents.last_day < covered.valid_to
