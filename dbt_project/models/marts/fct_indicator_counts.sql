-- Exact counts by k-anonymous strata, of persons in the journal and, where public denominators come
-- from it, of inhabitants in the population register. Municipality rows use the municipality's own
-- bands, region rows the region's; a band that straddles an age limit of the indicator is counted in
-- the region only.
with
{{ contributions('strata') }},

aged as (
    select
        contributions.indicator_id,
        contributions.person_id,
        contributions.year,
        contributions.municipality_code,
        persons.sex,
        {{ age_at_year_end('persons.birth_date', 'contributions.year') }} as age,
        contributions.numerator,
        contributions.denominator,
        case when {{ is_complement() }} then 1 else 0 end as is_complement
    from contributions
    inner join {{ ref('int_persons') }} as persons
        on contributions.person_id = persons.person_id
),

-- A person who lived in two municipalities is one person in the region.
in_areas as (
    select
        'municipality' as area_level,
        municipality_code as area_code,
        indicator_id,
        year,
        sex,
        age,
        numerator,
        denominator,
        is_complement
    from aged
    where municipality_code is not null
    union all
    select
        'region' as area_level,
        'MIDT' as area_code,
        indicator_id,
        year,
        min(sex) as sex,
        min(age) as age,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        max(is_complement) as is_complement
    from aged
    group by indicator_id, year, person_id
),

-- By single years of age first: strata are unions of these, and there are far fewer rows to place.
by_age as (
    select
        indicator_id,
        area_level,
        area_code,
        year,
        sex,
        age,
        {{ counts_of_persons() }}
    from in_areas
    group by indicator_id, area_level, area_code, year, sex, age
),

journal_strata as (
    select
        by_age.indicator_id,
        by_age.area_level,
        by_age.area_code,
        by_age.sex,
        strata.age_from,
        strata.age_to,
        by_age.year,
        sum(by_age.numerator) as numerator,
        sum(by_age.denominator) as denominator,
        sum(by_age.numerator_sq) as numerator_sq,
        max(by_age.numerator_max) as numerator_max,
        max(by_age.denominator_max) as denominator_max,
        sum(by_age.numerator_persons) as numerator_persons,
        sum(by_age.denominator_persons) as denominator_persons,
        sum(by_age.complement_persons) as complement_persons
    from by_age
    inner join {{ source('catalogue', 'indicators') }} as indicators
        on by_age.indicator_id = indicators.indicator_id
    inner join {{ source('doors', 'strata_map') }} as strata
        on
            by_age.area_code = strata.area_code
            and by_age.sex = strata.sex
            and by_age.age between strata.age_from and strata.age_to
            and indicators.age_min <= strata.age_from
            and indicators.age_max >= strata.age_to
    group by
        by_age.indicator_id,
        by_age.area_level,
        by_age.area_code,
        by_age.sex,
        strata.age_from,
        strata.age_to,
        by_age.year
),

-- One side of an indicator in each row, of covered municipalities. A denominator's numerator is 0.
register_sides as (
    select
        indicators.indicator_id,
        inhabitants.year,
        inhabitants.municipality_code,
        inhabitants.sex,
        inhabitants.age,
        indicators.age_min,
        indicators.age_max,
        indicators.denominator_measure = inhabitants.measure_id as is_denominator,
        inhabitants.value,
        inhabitants.persons
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ ref('int_register_measures') }} as inhabitants
        on
            inhabitants.measure_id in (
                indicators.denominator_measure, indicators.numerator_measure
            )
            and coalesce(inhabitants.service, indicators.service) = indicators.service
    inner join {{ ref('fct_coverage') }} as coverage
        on
            indicators.indicator_id = coverage.indicator_id
            and inhabitants.municipality_code = coverage.area_code
            and inhabitants.year = extract(year from coverage.period_start)
    where
        {{ is_of_the_register() }}
        and indicators.counting = 'strata'
        and coverage.coverage_state <> 'not_covered'
),

register_in_areas as (
    select
        'municipality' as area_level,
        register_sides.municipality_code as area_code,
        register_sides.*
    from register_sides
    union all
    -- Persons with a graded address are counted where they live, and so in the sum as well.
    select
        'region' as area_level,
        'MIDT' as area_code,
        register_sides.*
    from register_sides
),

register_strata as (
    select
        counted.indicator_id,
        counted.area_level,
        counted.area_code,
        counted.sex,
        strata.age_from,
        strata.age_to,
        counted.year,
        sum(case when counted.is_denominator then 0 else counted.value end) as numerator,
        sum(case when counted.is_denominator then counted.value else 0 end) as denominator,
        sum(case when counted.is_denominator then 0 else counted.value end) as numerator_sq,
        max(case when counted.is_denominator or counted.value = 0 then 0.0 else 1.0 end)
            as numerator_max,
        -- One person and one year of a person are the most that anybody adds.
        1.0 as denominator_max,
        sum(case when counted.is_denominator then 0 else counted.persons end) as numerator_persons,
        sum(case when counted.is_denominator then counted.persons else 0 end)
            as denominator_persons,
        0 as complement_persons
    from register_in_areas as counted
    inner join {{ source('doors', 'strata_map') }} as strata
        on
            counted.area_code = strata.area_code
            and counted.sex = strata.sex
            and counted.age between strata.age_from and strata.age_to
            and counted.age_min <= strata.age_from
            and counted.age_max >= strata.age_to
    group by
        counted.indicator_id,
        counted.area_level,
        counted.area_code,
        counted.sex,
        strata.age_from,
        strata.age_to,
        counted.year
),

-- Who stands behind a figure: the units that the persons of its denominator belong to.
provided as (
    select
        indicators.indicator_id,
        indicators.age_min,
        indicators.age_max,
        measured.year,
        measured.municipality_code,
        measured.provider_key,
        persons.sex,
        {{ age_at_year_end('persons.birth_date', 'measured.year') }} as age
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ ref('int_measure_values') }} as measured
        on
            indicators.denominator_measure = measured.measure_id
            and coalesce(measured.service, indicators.service) = indicators.service
    inner join {{ ref('int_persons') }} as persons
        on measured.person_id = persons.person_id
    left join {{ ref('fct_coverage') }} as coverage
        on
            indicators.indicator_id = coverage.indicator_id
            and measured.municipality_code = coverage.area_code
            and measured.year = extract(year from coverage.period_start)
    where
        indicators.counting = 'strata'
        and measured.provider_key is not null
        and (measured.municipality_code is null or coverage.coverage_state <> 'not_covered')
),

-- A unit counts in one municipality, that of most of its persons: so municipalities' units add up.
homes as (
    select
        indicator_id,
        year,
        provider_key,
        municipality_code
    from provided
    where municipality_code is not null
    group by indicator_id, year, provider_key, municipality_code
    qualify
        row_number() over (
            partition by indicator_id, year, provider_key
            order by count(*) desc, municipality_code asc
        ) = 1
),

provided_in_areas as (
    select
        'municipality' as area_level,
        provided.municipality_code as area_code,
        provided.*
    from provided
    inner join homes
        on
            provided.indicator_id = homes.indicator_id
            and provided.year = homes.year
            and provided.provider_key = homes.provider_key
            and provided.municipality_code = homes.municipality_code
    union all
    select
        'region' as area_level,
        'MIDT' as area_code,
        provided.*
    from provided
),

providers as (
    select
        provided_in_areas.indicator_id,
        provided_in_areas.area_level,
        provided_in_areas.area_code,
        provided_in_areas.sex,
        strata.age_from,
        strata.age_to,
        provided_in_areas.year,
        count(distinct provided_in_areas.provider_key) as providers
    from provided_in_areas
    inner join {{ source('doors', 'strata_map') }} as strata
        on
            provided_in_areas.area_code = strata.area_code
            and provided_in_areas.sex = strata.sex
            and provided_in_areas.age between strata.age_from and strata.age_to
            and provided_in_areas.age_min <= strata.age_from
            and provided_in_areas.age_max >= strata.age_to
    group by
        provided_in_areas.indicator_id,
        provided_in_areas.area_level,
        provided_in_areas.area_code,
        provided_in_areas.sex,
        strata.age_from,
        strata.age_to,
        provided_in_areas.year
),

has_providers as (
    select distinct indicator_id
    from providers
),

all_strata as (
    select * from journal_strata
    union all
    select * from register_strata
),

counted as (
    select
        indicator_id,
        area_level,
        area_code,
        sex,
        age_from,
        age_to,
        year,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(numerator_sq) as numerator_sq,
        max(numerator_max) as numerator_max,
        max(denominator_max) as denominator_max,
        sum(numerator_persons) as numerator_persons,
        sum(denominator_persons) as denominator_persons,
        sum(complement_persons) as complement_persons
    from all_strata
    group by indicator_id, area_level, area_code, sex, age_from, age_to, year
)

select
    counted.indicator_id,
    counted.area_level,
    counted.area_code,
    counted.sex,
    cast(counted.age_from as integer) as age_from,
    cast(counted.age_to as integer) as age_to,
    years.first_day as period_start,
    years.last_day as period_end,
    cast(counted.numerator as double) as numerator,
    cast(counted.denominator as double) as denominator,
    cast(counted.numerator_sq as double) as numerator_sq,
    cast(counted.numerator_max as double) as numerator_max,
    cast(counted.denominator_max as double) as denominator_max,
    cast(counted.numerator_persons as bigint) as numerator_persons,
    cast(counted.denominator_persons as bigint) as denominator_persons,
    -- Against the register, the difference that a reader computes; who moved may make it negative.
    cast(
        case
            when not {{ is_of_the_register() }} then counted.complement_persons
            when indicators.kind = 'proportion' then counted.denominator - counted.numerator
            else counted.denominator_persons - counted.numerator_persons
        end as bigint
    ) as complement_persons,
    -- Persons without a unit are nobody's; where no unit is ever named there is nothing to count.
    cast(
        case when has_providers.indicator_id is not null then coalesce(providers.providers, 0) end
        as bigint
    ) as providers
from counted
inner join {{ source('catalogue', 'indicators') }} as indicators
    on counted.indicator_id = indicators.indicator_id
inner join {{ source('catalogue', 'years') }} as years on counted.year = years.year
left join providers
    on
        counted.indicator_id = providers.indicator_id
        and counted.area_level = providers.area_level
        and counted.area_code = providers.area_code
        and counted.sex = providers.sex
        and counted.age_from = providers.age_from
        and counted.age_to = providers.age_to
        and counted.year = providers.year
left join has_providers on counted.indicator_id = has_providers.indicator_id
