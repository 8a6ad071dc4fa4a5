-- Exact counts by k-anonymous strata. Municipality rows use the municipality's own bands, region
-- rows the region's; a band that straddles an age limit of the indicator is counted in the region only.
with
{{ contributions('strata') }},

aged as (
    select
        contributions.*,
        persons.sex,
        {{ age_at_year_end('persons.birth_date', 'contributions.year') }} as age,
        case when {{ is_complement() }} then 1 else 0 end as is_complement,
        indicators.age_min,
        indicators.age_max
    from contributions
    inner join {{ source('catalogue', 'indicators') }} as indicators
        on contributions.indicator_id = indicators.indicator_id
    inner join {{ ref('int_persons') }} as persons
        on contributions.person_id = persons.person_id
),

in_areas as (
    select
        'municipality' as area_level,
        aged.municipality_code as area_code,
        aged.*
    from aged
    where aged.municipality_code is not null
    union all
    select
        'region' as area_level,
        'MIDT' as area_code,
        aged.*
    from aged
),

stratified as (
    select
        in_areas.*,
        strata.age_from,
        strata.age_to
    from in_areas
    inner join {{ source('doors', 'strata_map') }} as strata
        on
            in_areas.area_code = strata.area_code
            and in_areas.sex = strata.sex
            and in_areas.age between strata.age_from and strata.age_to
            and in_areas.age_min <= strata.age_from
            and in_areas.age_max >= strata.age_to
),

-- A person who lived in two municipalities is one person in the region.
persons_in_strata as (
    select
        indicator_id,
        area_level,
        area_code,
        sex,
        age_from,
        age_to,
        year,
        person_id,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        max(is_complement) as is_complement
    from stratified
    group by
        indicator_id, area_level, area_code, sex, age_from, age_to, year, person_id
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
    sum(counted.numerator) as numerator,
    sum(counted.denominator) as denominator,
    sum(counted.numerator * counted.numerator) as numerator_sq,
    max(counted.numerator) as numerator_max,
    max(counted.denominator) as denominator_max,
    cast(sum(case when counted.numerator > 0 then 1 else 0 end) as bigint) as numerator_persons,
    cast(sum(case when counted.denominator > 0 then 1 else 0 end) as bigint) as denominator_persons,
    cast(sum(counted.is_complement) as bigint) as complement_persons,
    cast(null as bigint) as providers
from persons_in_strata as counted
inner join {{ source('catalogue', 'years') }} as years on counted.year = years.year
group by
    counted.indicator_id,
    counted.area_level,
    counted.area_code,
    counted.sex,
    counted.age_from,
    counted.age_to,
    years.first_day,
    years.last_day
