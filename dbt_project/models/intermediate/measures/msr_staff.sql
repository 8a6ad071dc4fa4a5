-- Employees stand where persons do: they are the ones a figure about staff could single out.
select distinct
    cast(null as varchar) as service,
    staff.staff_key as person_id,
    years.year,
    staff.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('stg_journal__staff') }} as staff
inner join {{ source('catalogue', 'years') }} as years
    on
        staff.employed_from <= years.last_day
        and {{ open_end('staff.employed_to') }} > years.last_day
