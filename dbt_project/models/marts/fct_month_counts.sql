-- Exact counts by month or quarter of indicators whose events are dated, and at the end of each of those
-- that count on a date, all their sexes and ages together. Rows of
-- municipalities hold what their year or their month covers: of a year that is covered, the months
-- before the service came hold the days that it had. Rows of the region hold covered months alone.
with
{{ sides() }},

measured as (
    select
        measure_id,
        service,
        person_id,
        provider_key,
        year,
        month,
        municipality_code,
        value,
        'flow' as timing
    from {{ ref('int_measure_values') }}
    where month is not null
    union all
    select
        measure_id,
        null as service,
        person_id,
        null as provider_key,
        year,
        month,
        municipality_code,
        1 as value,
        'on_date' as timing
    from {{ ref('int_date_values') }}
),

dated as (
    select
        indicators.indicator_id,
        indicators.kind,
        measured.person_id,
        measured.provider_key,
        measured.year,
        -- A quarter goes by its first month.
        parts.month,
        measured.municipality_code,
        case when indicators.is_numerator then measured.value else 0 end as numerator,
        case when indicators.is_numerator then 0 else measured.value end as denominator
    from sides as indicators
    inner join measured
        on
            indicators.measure_id = measured.measure_id
            and indicators.timing = measured.timing
            and coalesce(measured.service, indicators.service) = indicators.service
    inner join {{ source('catalogue', 'parts_of_year') }} as parts
        on
            indicators.part_of_year = parts.part_of_year
            and measured.year = parts.year
            and measured.month = parts.calendar_month
            and (indicators.timing = 'flow' or measured.month = extract(month from parts.last_day))
    left join {{ ref('int_persons') }} as persons on measured.person_id = persons.person_id
    where
        indicators.counting = 'flow'
        or {{ age_at_year_end('persons.birth_date', 'measured.year') }}
        between indicators.age_min and indicators.age_max
),

covered as (
    select
        of_month.indicator_id,
        of_month.area_code,
        cast(extract(year from of_month.period_start) as integer) as year,
        cast(extract(month from of_month.period_start) as integer) as month,
        of_month.coverage_state <> 'not_covered' as is_covered
    from {{ ref('fct_month_coverage') }} as of_month
    inner join {{ ref('fct_coverage') }} as of_year
        on
            of_month.indicator_id = of_year.indicator_id
            and of_month.area_code = of_year.area_code
            and extract(year from of_month.period_start) = extract(year from of_year.period_start)
    where
        of_month.area_level = 'municipality'
        and (of_month.coverage_state <> 'not_covered' or of_year.coverage_state <> 'not_covered')
),

placed as (
    select
        dated.*,
        coalesce(covered.is_covered, dated.municipality_code is null) as is_covered
    from dated
    left join covered
        on
            dated.indicator_id = covered.indicator_id
            and dated.municipality_code = covered.area_code
            and dated.year = covered.year
            and dated.month = covered.month
    where dated.municipality_code is null or covered.indicator_id is not null
),

contributions as (
    select
        indicator_id,
        kind,
        person_id,
        year,
        month,
        municipality_code,
        is_covered,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from placed
    group by indicator_id, kind, person_id, year, month, municipality_code, is_covered
),

{{ persons_in_areas(['year', 'month'], is_apart(), 'is_covered') }},

of_persons as (
    select
        indicator_id,
        area_level,
        area_code,
        year,
        month,
        {{ counts_of_persons() }}
    from persons_in_areas
    group by indicator_id, area_level, area_code, year, month
),

public_in_areas as (
    select
        'municipality' as area_level,
        person_time.municipality_code as area_code,
        person_time.*
    from {{ ref('int_month_person_time') }} as person_time
    inner join covered
        on
            person_time.indicator_id = covered.indicator_id
            and person_time.municipality_code = covered.area_code
            and person_time.year = covered.year
            and person_time.month = covered.month
    union all
    select
        'region' as area_level,
        'MIDT' as area_code,
        person_time.*
    from {{ ref('int_month_person_time') }} as person_time
    inner join covered
        on
            person_time.indicator_id = covered.indicator_id
            and person_time.municipality_code = covered.area_code
            and person_time.year = covered.year
            and person_time.month = covered.month
    where covered.is_covered
),

public_sides as (
    select
        indicator_id,
        area_level,
        area_code,
        year,
        month,
        sum(person_years) as person_years,
        sum(persons) as persons
    from public_in_areas
    group by indicator_id, area_level, area_code, year, month
),

provided as (
    select
        'municipality' as area_level,
        placed.municipality_code as area_code,
        placed.*
    from placed
    where placed.municipality_code is not null
    union all
    select
        'region' as area_level,
        'MIDT' as area_code,
        placed.*
    from placed
    where is_covered
),

providers as (
    select
        indicator_id,
        area_code,
        year,
        month,
        count(distinct provider_key) as providers
    from provided
    where denominator > 0
    group by indicator_id, area_code, year, month
),

has_providers as (
    select distinct indicator_id
    from placed
    where provider_key is not null
),

keys as (
    select
        indicator_id,
        area_level,
        area_code,
        year,
        month
    from of_persons
    union
    select
        indicator_id,
        area_level,
        area_code,
        year,
        month
    from public_sides
)

select
    keys.indicator_id,
    keys.area_level,
    keys.area_code,
    months.first_day as period_start,
    months.last_day as period_end,
    cast(coalesce(counted.numerator, 0) as double) as numerator,
    cast(coalesce(public_sides.person_years, counted.denominator, 0) as double) as denominator,
    cast(coalesce(counted.numerator_sq, 0) as double) as numerator_sq,
    cast(coalesce(counted.numerator_max, 0) as double) as numerator_max,
    -- One year of a person is the most that anybody adds to person-years.
    cast(case when indicators.has_public_denominator then 1 else coalesce(counted.denominator_max, 0) end as double)
        as denominator_max,
    cast(coalesce(counted.numerator_persons, 0) as bigint) as numerator_persons,
    cast(coalesce(public_sides.persons, counted.denominator_persons, 0) as bigint) as denominator_persons,
    -- Against public persons, the difference that a reader computes; who moved may make it negative.
    cast(
        case
            when indicators.has_public_denominator
                then coalesce(public_sides.persons, 0) - coalesce(counted.numerator_persons, 0)
            else coalesce(counted.complement_persons, 0)
        end as bigint
    ) as complement_persons,
    cast(
        case when has_providers.indicator_id is not null then coalesce(providers.providers, 0) end as bigint
    ) as providers
from keys
inner join {{ source('catalogue', 'indicators') }} as indicators on keys.indicator_id = indicators.indicator_id
inner join {{ source('catalogue', 'parts_of_year') }} as months
    on
        indicators.part_of_year = months.part_of_year
        and keys.year = months.year
        and keys.month = months.calendar_month
left join of_persons as counted
    on
        keys.indicator_id = counted.indicator_id
        and keys.area_code = counted.area_code
        and keys.year = counted.year
        and keys.month = counted.month
left join public_sides
    on
        keys.indicator_id = public_sides.indicator_id
        and keys.area_code = public_sides.area_code
        and keys.year = public_sides.year
        and keys.month = public_sides.month
left join providers
    on
        keys.indicator_id = providers.indicator_id
        and keys.area_code = providers.area_code
        and keys.year = providers.year
        and keys.month = providers.month
left join has_providers on keys.indicator_id = has_providers.indicator_id
