-- What anyone can work out from the population register and the calendar of go-lives, as measures:
-- residents, those of live municipalities, and person-years inside coverage.
with population as (
    select * from {{ ref('int_register_population') }}
),

residents as (
    select
        'residents' as measure_id,
        cast(null as varchar) as service,
        year,
        municipality_code,
        sex,
        age,
        cast(persons_end as double) as value,
        persons_end as persons
    from population
),

live as (
    select
        'residents_live' as measure_id,
        residents.service,
        residents.year,
        residents.municipality_code,
        residents.sex,
        residents.age,
        residents.value,
        residents.persons
    from residents
    inner join {{ source('catalogue', 'years') }} as years on residents.year = years.year
    inner join {{ ref('int_covered_spells') }} as covered
        on
            residents.municipality_code = covered.municipality_code
            and covered.service = 'municipal_care'
            and years.last_day >= covered.valid_from
            and years.last_day < covered.valid_to
),

person_years as (
    select
        'person_years' as measure_id,
        covered.service,
        population.year,
        population.municipality_code,
        population.sex,
        population.age,
        -- Moving is taken to be even over the year: the mean of its two ends, on covered days.
        cast(covered.covered_days as double) / covered.days
        * (population.persons_begin + population.persons_end) / 2 as value,
        -- As many at least have been there.
        greatest(population.persons_begin, population.persons_end) as persons
    from population
    inner join {{ ref('int_covered_calendar') }} as covered
        on
            population.municipality_code = covered.municipality_code
            and population.year = covered.year
)

select * from residents
union all
select * from live
union all
select * from person_years
