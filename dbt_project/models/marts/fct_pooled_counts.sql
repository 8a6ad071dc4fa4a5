-- Exact counts over several years, of all sexes and ages of an indicator together and of the
-- municipalities that every year covers. A person is one person in a period, however often
-- counted: the years' persons cannot be added up.
with
{{ pooled_rows() }},

contributions as (
    select
        indicator_id,
        person_id,
        municipality_code,
        first_day,
        last_day,
        max(kind) as kind,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from pooled_rows
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
        indicator_id,
        municipality_code as area_code,
        year,
        pooled_years,
        first_day,
        last_day,
        sum(value) as denominator,
        sum(persons) as persons
    from pooled_inhabitants
    group by indicator_id, municipality_code, year, pooled_years, first_day, last_day
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
