-- The limits are by sex and by completed years of age on the day, in hundredths of kg/m2.
select
    cast(null as varchar) as service,
    measured.person_id,
    measured.year,
    measured.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_body_mass_at_eight') }} as measured
inner join {{ source('catalogue', 'indicator_parameters') }} as limits
    on
        limits.indicator_id = 'overweight_8_years_share'
        and limits.parameter
        = concat('limit_', measured.sex, '_', cast(measured.age_years as varchar))
where round(measured.body_mass_index * 100) >= limits.value
