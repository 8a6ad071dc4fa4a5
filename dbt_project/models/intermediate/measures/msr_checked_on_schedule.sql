-- Both checks, each at its age.
with limits as (
    select
        max(case when parameter = 'first_check_from_days' then value end) as first_from,
        max(case when parameter = 'first_check_by_days' then value end) as first_by,
        max(case when parameter = 'second_check_from_days' then value end) as second_from,
        max(case when parameter = 'second_check_by_days' then value end) as second_by
    from {{ source('catalogue', 'indicator_parameters') }}
    where indicator_id = 'health_station_on_schedule_share'
)

select
    cast(null as varchar) as service,
    seen.person_id,
    seen.year,
    seen.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_infant_observations') }} as seen
cross join limits
where seen.code = 'health_check'
group by seen.person_id, seen.year, seen.municipality_code
having
    max(case when seen.age_days between limits.first_from and limits.first_by then 1 else 0 end) = 1
    and max(
        case when seen.age_days between limits.second_from and limits.second_by then 1 else 0 end
    ) = 1
