-- Municipalities and years of each period of several years of an indicator: those of which every year
-- is covered.
{{ config(materialized='view') }}
select
    of_window.indicator_id,
    of_window.area_code as municipality_code,
    windows.pooled_years,
    windows.first_day,
    windows.last_day,
    windows.year
from {{ ref('fct_pooled_coverage') }} as of_window
inner join {{ source('catalogue', 'indicators') }} as indicators
    on of_window.indicator_id = indicators.indicator_id
inner join {{ source('catalogue', 'windows') }} as windows
    on
        indicators.pooled_years = windows.pooled_years
        and of_window.period_start = windows.first_day
where
    of_window.area_level = 'municipality'
    and of_window.coverage_state <> 'not_covered'
