-- Which periods of several years an indicator covers: those of which it covers every year. A
-- municipality that goes live in the second year has the next period.
with inhabitants as (
    {{ inhabitants_at_year_end() }}
),

pooled as (
    select
        indicators.indicator_id,
        indicators.inhabitants_from,
        indicators.full_share,
        coverage.area_code,
        windows.pooled_years,
        windows.last_year,
        windows.first_day,
        windows.last_day,
        count(*) as known_years,
        min(coverage.covered_share) as covered_share,
        max(case when coverage.coverage_state = 'not_covered' then 1 else 0 end) as has_gap,
        max(case when coverage.coverage_state = 'flagged' then 1 else 0 end) as has_flag,
        -- The municipalities of a period are those of its last day.
        max(case when windows.year = windows.last_year then 1 else 0 end) as is_there
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ source('catalogue', 'windows') }} as windows
        on indicators.pooled_years = windows.pooled_years
    inner join {{ ref('fct_coverage') }} as coverage
        on
            indicators.indicator_id = coverage.indicator_id
            and windows.year = extract(year from coverage.period_start)
    where coverage.area_level = 'municipality'
    group by
        indicators.indicator_id,
        indicators.inhabitants_from,
        indicators.full_share,
        coverage.area_code,
        windows.pooled_years,
        windows.last_year,
        windows.first_day,
        windows.last_day
),

municipalities as (
    select
        *,
        case when known_years < pooled_years then 0.0 else covered_share end as least_share,
        case
            when known_years < pooled_years or has_gap = 1 then 'not_covered'
            when has_flag = 1 then 'flagged'
            else 'full'
        end as coverage_state
    from pooled
    where is_there = 1
),

regions as (
    select
        municipalities.indicator_id,
        municipalities.full_share,
        municipalities.first_day,
        municipalities.last_day,
        coalesce(
            cast(
                sum(
                    case
                        when municipalities.coverage_state <> 'not_covered'
                            then coalesce(inhabitants.residents, 0)
                        else 0
                    end
                ) as double
            ) / nullif(sum(coalesce(inhabitants.residents, 0)), 0),
            0.0
        ) as covered_share
    from municipalities
    left join inhabitants
        on
            municipalities.inhabitants_from = inhabitants.inhabitants_from
            and municipalities.area_code = inhabitants.municipality_code
            and municipalities.last_year = inhabitants.year
    group by
        municipalities.indicator_id,
        municipalities.full_share,
        municipalities.first_day,
        municipalities.last_day
)

select
    indicator_id,
    'municipality' as area_level,
    area_code,
    first_day as period_start,
    last_day as period_end,
    cast(least_share as double) as covered_share,
    coverage_state
from municipalities
union all
select
    indicator_id,
    'region' as area_level,
    'MIDT' as area_code,
    first_day as period_start,
    last_day as period_end,
    covered_share,
    {{ region_coverage_state() }} as coverage_state
from regions
