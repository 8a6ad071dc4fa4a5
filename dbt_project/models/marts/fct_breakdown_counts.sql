-- Exact counts by value of a split, all sexes and ages together. Each row of a measure is of one
-- value, one that nobody has named being `unknown`: so the values add up to the year's total, and
-- hold the places that it holds. Persons may be in several values.
with splits as (
    select distinct
        indicator_id,
        breakdown
    from {{ source('catalogue', 'breakdowns') }}
),

measured as (
    select
        indicators.indicator_id,
        indicators.kind,
        splits.breakdown,
        case splits.breakdown
            {% for split in split_measures() %}
                when '{{ split }}' then measured.by_{{ split }}
            {% endfor %}
        end as told,
        measured.person_id,
        measured.provider_key,
        measured.year,
        measured.municipality_code,
        case when measured.measure_id = indicators.numerator_measure then measured.value else 0 end
            as numerator,
        case when measured.measure_id = indicators.denominator_measure then measured.value else 0 end
            as denominator
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join splits on indicators.indicator_id = splits.indicator_id
    inner join {{ ref('int_measure_values') }} as measured
        on
            measured.measure_id in (indicators.numerator_measure, indicators.denominator_measure)
            and coalesce(measured.service, indicators.service) = indicators.service
    left join {{ ref('int_persons') }} as persons on measured.person_id = persons.person_id
    where
        indicators.counting = 'flow'
        or {{ age_at_year_end('persons.birth_date', 'measured.year') }}
        between indicators.age_min and indicators.age_max
),

placed as (
    select
        measured.*,
        coalesce(named.breakdown_value, 'unknown') as breakdown_value
    from measured
    left join {{ source('catalogue', 'breakdowns') }} as named
        on
            measured.indicator_id = named.indicator_id
            and measured.breakdown = named.breakdown
            and measured.told = named.breakdown_value
    left join {{ ref('fct_coverage') }} as coverage
        on
            measured.indicator_id = coverage.indicator_id
            and measured.municipality_code = coverage.area_code
            and measured.year = extract(year from coverage.period_start)
    where measured.municipality_code is null or coverage.coverage_state <> 'not_covered'
),

in_areas as (
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
),

persons_in_areas as (
    select
        indicator_id,
        area_level,
        area_code,
        breakdown,
        breakdown_value,
        year,
        person_id,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        max(kind) as kind
    from in_areas
    group by indicator_id, area_level, area_code, breakdown, breakdown_value, year, person_id
),

of_persons as (
    select
        indicator_id,
        area_level,
        area_code,
        breakdown,
        breakdown_value,
        year,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(numerator * numerator) as numerator_sq,
        max(numerator) as numerator_max,
        max(denominator) as denominator_max,
        sum(case when numerator > 0 then 1 else 0 end) as numerator_persons,
        sum(case when denominator > 0 then 1 else 0 end) as denominator_persons,
        sum(case when kind = 'proportion' and denominator - numerator > 1e-9 then 1 else 0 end)
            as complement_persons
    from persons_in_areas
    group by indicator_id, area_level, area_code, breakdown, breakdown_value, year
),

providers as (
    select
        indicator_id,
        area_code,
        breakdown,
        breakdown_value,
        year,
        count(distinct provider_key) as providers
    from in_areas
    where denominator > 0
    group by indicator_id, area_code, breakdown, breakdown_value, year
),

has_providers as (
    select distinct indicator_id
    from placed
    where provider_key is not null
)

select
    counted.indicator_id,
    counted.area_level,
    counted.area_code,
    counted.breakdown,
    counted.breakdown_value,
    years.first_day as period_start,
    years.last_day as period_end,
    cast(counted.numerator as double) as numerator,
    cast(counted.denominator as double) as denominator,
    cast(counted.numerator_sq as double) as numerator_sq,
    cast(counted.numerator_max as double) as numerator_max,
    cast(counted.denominator_max as double) as denominator_max,
    cast(counted.numerator_persons as bigint) as numerator_persons,
    cast(counted.denominator_persons as bigint) as denominator_persons,
    cast(counted.complement_persons as bigint) as complement_persons,
    cast(
        case when has_providers.indicator_id is not null then coalesce(providers.providers, 0) end as bigint
    ) as providers
from of_persons as counted
inner join {{ source('catalogue', 'years') }} as years on counted.year = years.year
left join providers
    on
        counted.indicator_id = providers.indicator_id
        and counted.area_code = providers.area_code
        and counted.breakdown = providers.breakdown
        and counted.breakdown_value = providers.breakdown_value
        and counted.year = providers.year
left join has_providers on counted.indicator_id = has_providers.indicator_id
