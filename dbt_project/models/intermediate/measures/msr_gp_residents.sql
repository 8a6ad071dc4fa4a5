-- Residents whose general practitioner's office has been live long enough for its codes to count.
select
    cast(null as varchar) as service,
    residents.person_id,
    residents.year,
    residents.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_residents') }} as residents
inner join {{ ref('int_persons') }} as persons on residents.person_id = persons.person_id
inner join {{ ref('stg_journal__gp_office') }} as offices
    on persons.gp_office_key = offices.gp_office_key
inner join {{ source('catalogue', 'indicator_parameters') }} as wash_in
    on
        wash_in.indicator_id = 'diabetes_type2_prevalence'
        and wash_in.parameter = 'wash_in_months'
where {{ add_months('offices.live_from', 'wash_in.value') }} <= residents.last_day
