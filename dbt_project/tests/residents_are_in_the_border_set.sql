-- An address in the region that nobody can place by the chosen borders is in no area, and its person
-- is not counted while living there. A few addresses have no tract; where more than one in a hundred
-- of a municipality's have none, the source delivers none, and the figures would be too low.
with addresses as (
    select
        residence.municipality_code,
        years.year,
        case borders.border_set
            when '2019' then residence.municipality_2019
            when '2020' then residence.municipality_2020
            when '2024' then residence.municipality_2024
        end is null as is_lost
    from {{ ref('stg_journal__residence') }} as residence
    inner join {{ source('catalogue', 'years') }} as years
        on
            residence.valid_from <= years.last_day
            and {{ open_end('residence.valid_to') }} > years.first_day
    cross join {{ source('catalogue', 'border_set') }} as borders
    where
        borders.border_set <> 'date'
        -- Outside the region there is nothing to place.
        and coalesce(
            residence.municipality_2019, residence.municipality_2020, residence.municipality_2024
        ) is not null
)

select
    municipality_code,
    year
from addresses
group by municipality_code, year
having sum(case when is_lost then 1 else 0 end) > 0.01 * count(*)
