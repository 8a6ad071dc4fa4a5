-- No person makes a bed available: each bed of a unit stands where persons do elsewhere, so that
-- what is too few to be shown is beds. A unit has 1000 at most: the journal's contract says so.
with recursive numbers as (
    select 1 as number
    union all
    select number + 1 as number
    from numbers
    where number < 1000
),

bed_years as (
    select
        beds.location_key,
        beds.municipality_code,
        beds.beds,
        years.year,
        {{ days_between(
            'greatest(beds.first_day, years.first_day)',
            'least(beds.day_after, years.next_first_day)'
        ) }} as days
    from {{ ref('int_covered_beds') }} as beds
    inner join {{ source('catalogue', 'years') }} as years
        on beds.first_day < years.next_first_day and beds.day_after > years.first_day
)

select
    cast(null as varchar) as service,
    bed_years.location_key || '-' || cast(numbers.number as varchar) as person_id,
    bed_years.year,
    bed_years.municipality_code,
    bed_years.location_key as provider_key,
    cast(sum(bed_years.days) as double) as value
from bed_years
inner join numbers on bed_years.beds >= numbers.number
group by
    bed_years.location_key, numbers.number, bed_years.year, bed_years.municipality_code
