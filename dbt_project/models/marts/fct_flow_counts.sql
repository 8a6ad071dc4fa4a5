-- Exact counts of what has no age and sex: entries, staff, adoption.
with
{{ contributions('flow') }},

in_areas as (
    select
        'municipality' as area_level,
        contributions.municipality_code as area_code,
        contributions.*
    from contributions
    where contributions.municipality_code is not null
    union all
    select
        'region' as area_level,
        'MIDT' as area_code,
        contributions.*
    from contributions
),

providers as (
    select
        indicators.indicator_id,
        measured.year,
        measured.municipality_code,
        measured.provider_key
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ ref('int_measure_values') }} as measured
        on indicators.denominator_measure = measured.measure_id
    where
        indicators.counting = 'flow'
        and measured.provider_key is not null
),

provider_counts as (
    select
        indicator_id,
        year,
        municipality_code as area_code,
        count(distinct provider_key) as providers
    from providers
    where municipality_code is not null
    group by indicator_id, year, municipality_code
    union all
    select
        indicator_id,
        year,
        'MIDT' as area_code,
        count(distinct provider_key) as providers
    from providers
    group by indicator_id, year
),

persons_in_areas as (
    select
        contributions.indicator_id,
        contributions.area_level,
        contributions.area_code,
        contributions.year,
        contributions.person_id,
        sum(contributions.numerator) as numerator,
        sum(contributions.denominator) as denominator,
        max(case when {{ is_complement() }} then 1 else 0 end) as is_complement
    from in_areas as contributions
    inner join {{ source('catalogue', 'indicators') }} as indicators
        on contributions.indicator_id = indicators.indicator_id
    group by
        contributions.indicator_id,
        contributions.area_level,
        contributions.area_code,
        contributions.year,
        contributions.person_id
)

select
    counted.indicator_id,
    counted.area_level,
    counted.area_code,
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
    cast(max(provider_counts.providers) as bigint) as providers
from persons_in_areas as counted
inner join {{ source('catalogue', 'years') }} as years on counted.year = years.year
left join provider_counts
    on
        counted.indicator_id = provider_counts.indicator_id
        and counted.area_code = provider_counts.area_code
        and counted.year = provider_counts.year
group by
    counted.indicator_id,
    counted.area_level,
    counted.area_code,
    years.first_day,
    years.last_day
