-- The register's counts on two 1 Januaries as those of the year between. Along the cohort: whoever
-- was 39 when the year began counts as 40 in it, at its beginning and at its end.
with ends as (
    select
        codes.year,
        codes.municipality_code,
        population.sex,
        population.age,
        -- A sum of cells of which one is not known is not known.
        case when count(population.persons) = count(*) then sum(population.persons) end
            as persons_end
    from {{ source('catalogue', 'register_codes') }} as codes
    inner join {{ source('catalogue', 'years') }} as years on codes.year = years.year
    inner join {{ ref('stg_register__population') }} as population
        on
            codes.register_code = population.municipality_code
            and years.next_first_day = population.on_date
    group by codes.year, codes.municipality_code, population.sex, population.age
),

begins as (
    select
        years.year,
        population.municipality_code,
        population.sex,
        -- Who was in the open group of the oldest is in it still.
        case when population.is_open_age then population.age else population.age + 1 end as age,
        count(population.persons) = count(*) as is_known,
        sum(population.persons) as persons_begin
    from {{ ref('stg_register__population') }} as population
    inner join {{ source('catalogue', 'years') }} as years on population.on_date = years.first_day
    group by
        years.year,
        population.municipality_code,
        population.sex,
        case when population.is_open_age then population.age else population.age + 1 end
),

known as (
    select distinct
        year,
        municipality_code
    from begins
)

select
    ends.year,
    ends.municipality_code,
    ends.sex,
    ends.age,
    -- Nobody was there before being born: of age 0 there is no row at the beginning.
    cast(case when begins.is_known is null then 0 when begins.is_known then begins.persons_begin end as bigint)
        as persons_begin,
    cast(ends.persons_end as bigint) as persons_end
from ends
inner join known
    on
        ends.year = known.year
        and ends.municipality_code = known.municipality_code
left join begins
    on
        ends.year = begins.year
        and ends.municipality_code = begins.municipality_code
        and ends.sex = begins.sex
        and ends.age = begins.age
