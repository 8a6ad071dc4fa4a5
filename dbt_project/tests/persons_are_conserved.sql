-- Every resident of the last day of a year is in exactly one place of the region, or in none.
with region as (
    select
        year,
        sum(residents) as residents
    from {{ ref('int_resident_counts') }}
    where area_level = 'region'
    group by year
),

placed as (
    select
        year,
        sum(residents) as residents
    from {{ ref('int_resident_counts') }}
    where area_level = 'municipality'
    group by year
),

unplaced as (
    select
        year,
        count(*) as residents
    from {{ ref('int_residents') }}
    where municipality_code is null
    group by year
)

select region.year
from region
left join placed on region.year = placed.year
left join unplaced on region.year = unplaced.year
where region.residents <> coalesce(placed.residents, 0) + coalesce(unplaced.residents, 0)
