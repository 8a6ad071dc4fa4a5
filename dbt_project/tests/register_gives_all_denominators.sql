-- Where public denominators come from the register, it must know every municipality, sex and age.
with asked as (
    select distinct
        years.year,
        municipalities.municipality_code
    from {{ source('catalogue', 'indicators') }} as indicators
    cross join {{ source('catalogue', 'years') }} as years
    inner join {{ source('catalogue', 'municipalities') }} as municipalities
        on
            years.last_day >= municipalities.valid_from
            and years.last_day <= {{ open_end('municipalities.valid_to') }}
    where
        indicators.inhabitants_from = 'register'
        and indicators.has_public_denominator
)

select asked.municipality_code
from asked
left join {{ ref('int_register_population') }} as population
    on
        asked.municipality_code = population.municipality_code
        and asked.year = population.year
where population.persons_begin is null or population.persons_end is null
