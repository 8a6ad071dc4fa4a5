-- How much of each municipality's year an indicator covers, and what follows from it. Shares are of
-- person-time that the journal knows, or of the calendar and the population register's inhabitants:
-- whichever stands below public figures, for a share of the one would tell of the other.
with resident_days as (
    select
        municipality_code,
        year,
        sum(resident_days) as resident_days
    from {{ ref('int_resident_days') }}
    where municipality_code is not null
    group by municipality_code, year
),

residents as (
    select
        municipality_code,
        year,
        count(*) as residents
    from {{ ref('int_residents') }}
    where municipality_code is not null
    group by municipality_code, year
),

registered as (
    select
        municipality_code,
        year,
        sum(persons_end) as inhabitants
    from {{ ref('int_register_population') }}
    group by municipality_code, year
),

covered_days as (
    select
        'journal' as inhabitants_from,
        municipality_code,
        year,
        service,
        sum(covered_days) as covered_days,
        sum(share_days) as share_days
    from {{ ref('int_covered_days') }}
    where municipality_code is not null
    group by municipality_code, year, service
    union all
    select
        'register' as inhabitants_from,
        municipality_code,
        year,
        service,
        covered_days,
        share_days
    from {{ ref('int_covered_calendar') }}
),

gp_residents as (
    select
        municipality_code,
        year,
        count(*) as covered_residents
    from {{ ref('msr_gp_residents') }}
    where municipality_code is not null
    group by municipality_code, year
),

area_years as (
    select
        municipalities.municipality_code,
        municipalities.recorded_from,
        municipalities.recorded_to,
        years.year,
        years.first_day,
        years.last_day,
        years.days,
        coalesce(resident_days.resident_days, 0) as resident_days,
        coalesce(residents.residents, 0) as residents,
        coalesce(registered.inhabitants, 0) as inhabitants
    from {{ source('catalogue', 'municipalities') }} as municipalities
    inner join {{ source('catalogue', 'years') }} as years
        on
            municipalities.valid_from <= years.last_day
            and {{ open_end('municipalities.valid_to') }} >= years.last_day
    left join resident_days
        on
            municipalities.municipality_code = resident_days.municipality_code
            and years.year = resident_days.year
    left join residents
        on
            municipalities.municipality_code = residents.municipality_code
            and years.year = residents.year
    left join registered
        on
            municipalities.municipality_code = registered.municipality_code
            and years.year = registered.year
),

shares as (
    select
        indicators.indicator_id,
        indicators.full_share,
        indicators.flagged_share,
        area_years.municipality_code,
        area_years.year,
        area_years.first_day,
        area_years.last_day,
        case
            when indicators.inhabitants_from = 'register' then area_years.inhabitants
            else area_years.residents
        end as residents,
        case
            -- What nobody in the journal has lived in has no strata to be counted by.
            when area_years.resident_days = 0 then 0.0
            when {{ is_recorded_elsewhere('area_years', 'area_years.last_day') }} then 0.0
            when indicators.service = 'none' then 1.0
            when indicators.service = 'gp'
                then coalesce(
                    cast(gp_residents.covered_residents as double) / nullif(area_years.residents, 0),
                    0.0
                )
            when indicators.timing = 'on_date'
                then case when covered.municipality_code is not null then 1.0 else 0.0 end
            else
                coalesce(
                    cast(covered_days.covered_days as double)
                    / case
                        when indicators.inhabitants_from = 'register' then area_years.days
                        else area_years.resident_days
                    end,
                    0.0
                )
        end as covered_share,
        case
            when indicators.service = 'hospital'
                then covered_days.share_days / nullif(covered_days.covered_days, 0)
            else 1.0
        end as mean_live_share
    from {{ source('catalogue', 'indicators') }} as indicators
    cross join area_years
    left join covered_days
        on
            indicators.service = covered_days.service
            and indicators.inhabitants_from = covered_days.inhabitants_from
            and area_years.municipality_code = covered_days.municipality_code
            and area_years.year = covered_days.year
    left join gp_residents
        on
            area_years.municipality_code = gp_residents.municipality_code
            and area_years.year = gp_residents.year
    left join {{ source('catalogue', 'indicator_parameters') }} as wash_in
        on
            indicators.indicator_id = wash_in.indicator_id
            and wash_in.parameter = 'wash_in_months'
    left join {{ ref('int_covered_spells') }} as covered
        on
            indicators.service = covered.service
            and area_years.municipality_code = covered.municipality_code
            and area_years.last_day
            >= {{ add_months('covered.valid_from', 'coalesce(wash_in.value, 0)') }}
            and area_years.last_day < covered.valid_to
),

municipalities as (
    select
        shares.*,
        {{ coverage_state('shares') }} as coverage_state
    from shares
),

wider_areas as (
    select
        municipality_code,
        'region' as area_level,
        'MIDT' as area_code
    from {{ source('catalogue', 'municipalities') }}
    union all
    select
        municipality_code,
        'county' as area_level,
        county_code as area_code
    from {{ source('catalogue', 'municipalities') }}
    where county_code is not null
),

-- The region and its counties are covered as far as their municipalities are.
wider as (
    select
        municipalities.indicator_id,
        municipalities.full_share,
        wider_areas.area_level,
        wider_areas.area_code,
        municipalities.first_day,
        municipalities.last_day,
        cast(
            sum(
                case when municipalities.coverage_state <> 'not_covered' then municipalities.residents else 0 end
            ) as double
        )
        / nullif(sum(municipalities.residents), 0) as covered_share,
        sum(municipalities.residents) as residents
    from municipalities
    inner join wider_areas
        on municipalities.municipality_code = wider_areas.municipality_code
    group by
        municipalities.indicator_id,
        municipalities.full_share,
        wider_areas.area_level,
        wider_areas.area_code,
        municipalities.first_day,
        municipalities.last_day
)

select
    indicator_id,
    'municipality' as area_level,
    municipality_code as area_code,
    first_day as period_start,
    last_day as period_end,
    cast(covered_share as double) as covered_share,
    coverage_state,
    cast(residents as bigint) as residents
from municipalities
union all
select
    indicator_id,
    area_level,
    area_code,
    first_day as period_start,
    last_day as period_end,
    coalesce(covered_share, 0.0) as covered_share,
    {{ region_coverage_state() }} as coverage_state,
    cast(residents as bigint) as residents
from wider
