-- Exact counts over several years, of all sexes and ages of an indicator together and of the
-- municipalities that every year covers. A person is one person in a period, however often
-- counted: the years' persons cannot be added up.
with contributions as (
    select
        indicator_id,
        person_id,
        municipality_code,
        first_day,
        last_day,
        max(kind) as kind,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('int_pooled_values') }}
    group by indicator_id, person_id, municipality_code, first_day, last_day
),

{{ persons_in_areas(['first_day', 'last_day'], is_apart()) }},

counted as (
    select
        indicator_id,
        area_level,
        area_code,
        first_day,
        last_day,
        {{ counts_of_persons() }}
    from persons_in_areas
    group by indicator_id, area_level, area_code, first_day, last_day
),

register_years as (
    select
        indicators.indicator_id,
        covered.municipality_code as area_code,
        covered.year,
        covered.pooled_years,
        covered.first_day,
        covered.last_day,
        sum(inhabitants.value) as denominator,
        sum(inhabitants.persons) as persons
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ ref('int_pooled_places') }} as covered
        on indicators.indicator_id = covered.indicator_id
    inner join {{ ref('int_register_measures') }} as inhabitants
        on
            indicators.denominator_measure = inhabitants.measure_id
            and coalesce(inhabitants.service, indicators.service) = indicators.service
            and covered.municipality_code = inhabitants.municipality_code
            and covered.year = inhabitants.year
            and inhabitants.age between indicators.age_min and indicators.age_max
    where {{ is_of_the_register() }}
    group by
        indicators.indicator_id,
        covered.municipality_code,
        covered.year,
        covered.pooled_years,
        covered.first_day,
        covered.last_day
),

register_in_areas as (
    select
        'municipality' as area_level,
        register_years.*
    from register_years
    union all
    select
        'region' as area_level,
        indicator_id,
        'MIDT' as area_code,
        year,
        pooled_years,
        first_day,
        last_day,
        sum(denominator) as denominator,
        sum(persons) as persons
    from register_years
    group by indicator_id, year, pooled_years, first_day, last_day
),

registered as (
    select
        indicator_id,
        area_level,
        area_code,
        first_day,
        last_day,
        pooled_years,
        sum(denominator) as denominator,
        -- As many at least have been there: those of the year with most.
        max(persons) as persons
    from register_in_areas
    group by indicator_id, area_level, area_code, first_day, last_day, pooled_years
),

keys as (
    select
        indicator_id,
        area_level,
        area_code,
        first_day,
        last_day
    from counted
    union
    select
        indicator_id,
        area_level,
        area_code,
        first_day,
        last_day
    from registered
)

select
    keys.indicator_id,
    keys.area_level,
    keys.area_code,
    keys.first_day as period_start,
    keys.last_day as period_end,
    cast(coalesce(counted.numerator, 0) as double) as numerator,
    cast(coalesce(registered.denominator, counted.denominator, 0) as double) as denominator,
    cast(coalesce(counted.numerator_sq, 0) as double) as numerator_sq,
    cast(coalesce(counted.numerator_max, 0) as double) as numerator_max,
    -- A year of a person is the most that anybody adds in a year.
    cast(coalesce(registered.pooled_years, counted.denominator_max, 0) as double) as denominator_max,
    cast(coalesce(counted.numerator_persons, 0) as bigint) as numerator_persons,
    cast(coalesce(registered.persons, counted.denominator_persons, 0) as bigint) as denominator_persons,
    -- Against the register, the difference that a reader computes; who moved may make it negative.
    cast(
        case
            when registered.indicator_id is not null
                then registered.persons - coalesce(counted.numerator_persons, 0)
            else coalesce(counted.complement_persons, 0)
        end as bigint
    ) as complement_persons
from keys
left join counted
    on
        keys.indicator_id = counted.indicator_id
        and keys.area_code = counted.area_code
        and keys.first_day = counted.first_day
left join registered
    on
        keys.indicator_id = registered.indicator_id
        and keys.area_code = registered.area_code
        and keys.first_day = registered.first_day
