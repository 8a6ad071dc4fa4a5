-- The region's population at the end of a year is that of the register, border changes or not.
with counted as (
    select
        year,
        sum(persons_end) as persons
    from {{ ref('int_register_population') }}
    group by year
),

register as (
    select
        years.year,
        sum(population.persons) as persons
    from {{ ref('stg_register__population') }} as population
    inner join {{ source('catalogue', 'years') }} as years
        on population.on_date = years.next_first_day
    group by years.year
)

select counted.year
from counted
inner join register on counted.year = register.year
where
    counted.persons <> register.persons
    and exists (
        select 1
        from {{ source('catalogue', 'indicators') }} as indicators
        where indicators.inhabitants_from = 'register'
    )
