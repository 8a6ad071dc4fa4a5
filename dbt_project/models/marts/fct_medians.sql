-- The middle of persons' own amounts, of indicators that publish a median beside the mean, and how many
-- persons have at most and at least as much. Restricted: of a few persons the middle one's amount is told.
with amounts as (
    select
        indicators.indicator_id,
        measured.person_id,
        measured.year,
        measured.municipality_code,
        sum(measured.value) as amount
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ ref('int_measure_values') }} as measured
        on
            indicators.numerator_measure = measured.measure_id
            and coalesce(measured.service, indicators.service) = indicators.service
    left join {{ ref('fct_coverage') }} as coverage
        on
            indicators.indicator_id = coverage.indicator_id
            and measured.municipality_code = coverage.area_code
            and measured.year = extract(year from coverage.period_start)
    where
        indicators.has_median
        and (measured.municipality_code is null or coverage.coverage_state <> 'not_covered')
    group by
        indicators.indicator_id, measured.person_id, measured.year, measured.municipality_code
),

in_areas as (
    select
        indicator_id,
        'municipality' as area_level,
        municipality_code as area_code,
        year,
        person_id,
        amount
    from amounts
    where municipality_code is not null
    union all
    -- A person who lived in two municipalities is one person in the region.
    select
        indicator_id,
        'region' as area_level,
        'MIDT' as area_code,
        year,
        person_id,
        sum(amount) as amount
    from amounts
    group by indicator_id, year, person_id
),

ranked as (
    select
        *,
        row_number() over (
            partition by indicator_id, area_code, year order by amount asc, person_id asc
        ) as place,
        count(*) over (partition by indicator_id, area_code, year) as persons
    from in_areas
),

-- The middle one, or the mean of the middle two.
middle as (
    select
        indicator_id,
        area_code,
        year,
        avg(amount) as median
    from ranked
    where 2 * place between persons and persons + 2
    group by indicator_id, area_code, year
)

select
    ranked.indicator_id,
    ranked.area_level,
    ranked.area_code,
    years.first_day as period_start,
    years.last_day as period_end,
    cast(max(middle.median) as double) as median,
    cast(sum(case when ranked.amount <= middle.median then 1 else 0 end) as bigint) as persons_at_most,
    cast(sum(case when ranked.amount >= middle.median then 1 else 0 end) as bigint) as persons_at_least
from ranked
inner join middle
    on
        ranked.indicator_id = middle.indicator_id
        and ranked.area_code = middle.area_code
        and ranked.year = middle.year
inner join {{ source('catalogue', 'years') }} as years on ranked.year = years.year
group by
    ranked.indicator_id,
    ranked.area_level,
    ranked.area_code,
    years.first_day,
    years.last_day
