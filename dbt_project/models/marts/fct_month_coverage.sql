-- How much of each month or quarter an indicator covers, by the calendar of the place. A municipality that goes
-- live in mid-year is covered from then on, whatever becomes of its year. General practice has no calendar: its
-- parts of a year are covered as the year is.
with inhabitants as (
    {{ inhabitants_at_year_end() }}
),

lived_in as (
    select distinct
        municipality_code,
        year
    from {{ ref('int_resident_days') }}
    where municipality_code is not null
),

shares as (
    select
        indicators.indicator_id,
        indicators.full_share,
        indicators.flagged_share,
        municipalities.municipality_code,
        months.first_day,
        months.last_day,
        coalesce(inhabitants.residents, 0) as residents,
        -- What nobody in the journal has lived in has no strata to be counted by.
        case
            when lived_in.municipality_code is null then 0.0
            when {{ is_recorded_elsewhere('municipalities', 'years.last_day') }} then 0.0
            -- Offices are looked at once a year: whoever counts then counts with all of the year.
            when indicators.service = 'gp' then coalesce(of_year.covered_share, 0.0)
            when indicators.timing = 'on_date'
                then case when live.municipality_code is not null then 1.0 else 0.0 end
            else coalesce(cast(covered.covered_days as double) / months.days, 0.0)
        end as covered_share,
        case
            when indicators.service = 'hospital' then covered.share_days / nullif(covered.covered_days, 0)
            else 1.0
        end as mean_live_share
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ source('catalogue', 'parts_of_year') }} as months
        on
            indicators.part_of_year = months.part_of_year
            and months.month = months.calendar_month
    inner join {{ source('catalogue', 'years') }} as years on months.year = years.year
    -- The municipalities of a year are those of its last day, as in its yearly figures.
    inner join {{ source('catalogue', 'municipalities') }} as municipalities
        on
            years.last_day >= municipalities.valid_from
            and {{ open_end('municipalities.valid_to') }} >= years.last_day
    left join {{ ref('int_covered_months') }} as covered
        on
            indicators.service = covered.service
            and months.part_of_year = covered.part_of_year
            and municipalities.municipality_code = covered.municipality_code
            and months.year = covered.year
            and months.month = covered.month
    left join {{ ref('fct_coverage') }} as of_year
        on
            indicators.indicator_id = of_year.indicator_id
            and of_year.area_level = 'municipality'
            and municipalities.municipality_code = of_year.area_code
            and years.first_day = of_year.period_start
    left join {{ source('catalogue', 'indicator_parameters') }} as wash_in
        on
            indicators.indicator_id = wash_in.indicator_id
            and wash_in.parameter = 'wash_in_months'
    left join {{ ref('int_covered_spells') }} as live
        on
            indicators.service = live.service
            and municipalities.municipality_code = live.municipality_code
            and months.last_day >= {{ add_months('live.valid_from', 'coalesce(wash_in.value, 0)') }}
            and months.last_day < live.valid_to
    left join inhabitants
        on
            indicators.inhabitants_from = inhabitants.inhabitants_from
            and municipalities.municipality_code = inhabitants.municipality_code
            and months.year = inhabitants.year
    left join lived_in
        on
            municipalities.municipality_code = lived_in.municipality_code
            and months.year = lived_in.year
),

municipalities as (
    select
        shares.*,
        {{ coverage_state('shares') }} as coverage_state
    from shares
),

regions as (
    select
        indicator_id,
        full_share,
        first_day,
        last_day,
        coalesce(
            cast(sum(case when coverage_state <> 'not_covered' then residents else 0 end) as double)
            / nullif(sum(residents), 0),
            0.0
        ) as covered_share
    from municipalities
    group by indicator_id, full_share, first_day, last_day
)

select
    indicator_id,
    'municipality' as area_level,
    municipality_code as area_code,
    first_day as period_start,
    last_day as period_end,
    cast(covered_share as double) as covered_share,
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
