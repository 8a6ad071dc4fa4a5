-- Whom anybody can look up, by month or quarter: person-years of the register's inhabitants on covered days, or
-- of residents in the journal where public denominators come from it. A year is the sum of its months. What is
-- counted on a date is counted among the inhabitants at the end of the month: between the register's two
-- 1 Januaries moving is taken to be even.
with of_the_register as (
    select
        indicators.indicator_id,
        covered.year,
        covered.month,
        population.municipality_code,
        sum(
            cast(covered.covered_days as double) / years.days
            * (population.persons_begin + population.persons_end) / 2
        ) as person_years,
        sum(greatest(population.persons_begin, population.persons_end)) as persons
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ ref('int_covered_months') }} as covered
        on
            indicators.service = covered.service
            and indicators.part_of_year = covered.part_of_year
    inner join {{ source('catalogue', 'years') }} as years on covered.year = years.year
    inner join {{ ref('int_register_population') }} as population
        on
            covered.municipality_code = population.municipality_code
            and covered.year = population.year
            and population.age between indicators.age_min and indicators.age_max
    where
        indicators.part_of_year is not null
        and indicators.timing = 'flow'
        and {{ is_of_the_register() }}
    group by indicators.indicator_id, covered.year, covered.month, population.municipality_code
),

of_the_register_on_date as (
    select
        indicators.indicator_id,
        months.year,
        months.month,
        population.municipality_code,
        round(sum(
            population.persons_begin + (population.persons_end - population.persons_begin)
            * cast({{ days_between('years.first_day', 'months.next_first_day') }} as double) / years.days
        )) as inhabitants
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ source('catalogue', 'parts_of_year') }} as months
        on
            indicators.part_of_year = months.part_of_year
            and months.month = months.calendar_month
    inner join {{ source('catalogue', 'years') }} as years on months.year = years.year
    inner join {{ ref('int_register_population') }} as population
        on
            months.year = population.year
            and population.age between indicators.age_min and indicators.age_max
    where
        indicators.timing = 'on_date'
        and {{ is_of_the_register() }}
    group by indicators.indicator_id, months.year, months.month, population.municipality_code
),

covered_residents as (
    select
        indicators.indicator_id,
        months.year,
        months.month,
        spells.municipality_code,
        spells.person_id,
        {{ days_between(
            'greatest(spells.valid_from, covered.valid_from, months.first_day)',
            'least(spells.valid_to, covered.valid_to, months.next_first_day)'
        ) }} as days
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ ref('int_covered_spells') }} as covered
        on indicators.service = covered.service
    inner join {{ ref('int_residence_spells') }} as spells
        on
            covered.municipality_code = spells.municipality_code
            and covered.valid_from < spells.valid_to
            and covered.valid_to > spells.valid_from
    inner join {{ source('catalogue', 'parts_of_year') }} as months
        on
            indicators.part_of_year = months.part_of_year
            and months.month = months.calendar_month
            and greatest(spells.valid_from, covered.valid_from) < months.next_first_day
            and least(spells.valid_to, covered.valid_to) > months.first_day
    inner join {{ ref('int_persons') }} as persons
        on
            spells.person_id = persons.person_id
            and {{ age_at_year_end('persons.birth_date', 'months.year') }}
            between indicators.age_min and indicators.age_max
    where
        indicators.part_of_year is not null
        and indicators.timing = 'flow'
        and indicators.has_public_denominator
        and indicators.inhabitants_from = 'journal'
),

of_the_journal_on_date as (
    select
        indicators.indicator_id,
        months.year,
        months.month,
        spells.municipality_code,
        count(*) as inhabitants
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ source('catalogue', 'parts_of_year') }} as months
        on
            indicators.part_of_year = months.part_of_year
            and months.month = months.calendar_month
    inner join {{ ref('int_residence_spells') }} as spells
        on
            months.last_day >= spells.valid_from
            and months.last_day < spells.valid_to
    inner join {{ ref('int_persons') }} as persons
        on
            spells.person_id = persons.person_id
            and {{ age_at_year_end('persons.birth_date', 'months.year') }}
            between indicators.age_min and indicators.age_max
    where
        indicators.timing = 'on_date'
        and indicators.has_public_denominator
        and indicators.inhabitants_from = 'journal'
        and spells.municipality_code is not null
    group by indicators.indicator_id, months.year, months.month, spells.municipality_code
),

on_date as (
    select * from of_the_register_on_date
    union all
    select * from of_the_journal_on_date
),

of_the_journal as (
    select
        covered_residents.indicator_id,
        covered_residents.year,
        covered_residents.month,
        covered_residents.municipality_code,
        cast(sum(covered_residents.days) as double) / years.days as person_years,
        count(distinct covered_residents.person_id) as persons
    from covered_residents
    inner join {{ source('catalogue', 'years') }} as years on covered_residents.year = years.year
    group by
        covered_residents.indicator_id,
        covered_residents.year,
        covered_residents.month,
        covered_residents.municipality_code,
        years.days
)

select * from of_the_register
union all
select * from of_the_journal
union all
select
    indicator_id,
    year,
    month,
    municipality_code,
    cast(inhabitants as double) as person_years,
    cast(inhabitants as bigint) as persons
from on_date
