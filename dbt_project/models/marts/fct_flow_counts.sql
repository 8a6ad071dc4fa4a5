-- Exact counts of what has no age and sex: entries, staff, adoption.
with
{{ contributions('flow') }},

{{ persons_in_areas(['year'], is_complement()) }},

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

counted as (
    select
        indicator_id,
        area_level,
        area_code,
        year,
        {{ counts_of_persons() }}
    from persons_in_areas
    group by indicator_id, area_level, area_code, year
)

select
    counted.indicator_id,
    counted.area_level,
    counted.area_code,
    years.first_day as period_start,
    years.last_day as period_end,
    counted.numerator,
    counted.denominator,
    counted.numerator_sq,
    counted.numerator_max,
    counted.denominator_max,
    cast(counted.numerator_persons as bigint) as numerator_persons,
    cast(counted.denominator_persons as bigint) as denominator_persons,
    cast(counted.complement_persons as bigint) as complement_persons,
    cast(provider_counts.providers as bigint) as providers
from counted
inner join {{ source('catalogue', 'years') }} as years on counted.year = years.year
left join provider_counts
    on
        counted.indicator_id = provider_counts.indicator_id
        and counted.area_code = provider_counts.area_code
        and counted.year = provider_counts.year
