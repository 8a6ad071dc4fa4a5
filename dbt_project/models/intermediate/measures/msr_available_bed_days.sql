-- No person makes a bed available: each bed of a unit stands where persons do elsewhere, so that
-- what is too few to be shown is beds. A unit has 1000 at most: the journal's contract says so.
with recursive numbers as (
    select 1 as number
    union all
    select number + 1 as number
    from numbers
    where number < 1000
),

bed_months as (
    select
        beds.location_key,
        beds.municipality_code,
        beds.beds,
        months.year,
        months.month,
        {{ days_between(
            'greatest(beds.first_day, months.first_day)',
            'least(beds.day_after, months.next_first_day)'
        ) }} as days
    from {{ ref('int_covered_beds') }} as beds
    inner join {{ source('catalogue', 'parts_of_year') }} as months
        on beds.first_day < months.next_first_day and beds.day_after > months.first_day
    where months.part_of_year = 'month'
)

select
    cast(null as varchar) as service,
    bed_months.location_key || '-' || cast(numbers.number as varchar) as person_id,
    bed_months.year,
    bed_months.month,
    bed_months.municipality_code,
    bed_months.location_key as provider_key,
    cast(sum(bed_months.days) as double) as value
from bed_months
inner join numbers on bed_months.beds >= numbers.number
group by
    bed_months.location_key,
    numbers.number,
    bed_months.year,
    bed_months.month,
    bed_months.municipality_code
