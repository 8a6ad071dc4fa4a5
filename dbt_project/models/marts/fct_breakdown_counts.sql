-- Exact counts by value of a split, all sexes and ages together. Each row of a measure is of one
-- value, one that nobody has named being `unknown`: so the values add up to the year's total, and
-- hold the places that it holds. Persons may be in several values.
-- What two reads have in common is indented as Jinja: without LT02.
-- sqlfluff:exclude_rules:LT02,LT05,ST06
{% set value_told -%}
case splits.breakdown
            {% for split in split_measures() %}
                when '{{ split }}' then measured.by_{{ split }}
            {% endfor %}
        end
{%- endset %}
{% set covered_rows -%}
sides as indicators
    inner join splits on indicators.indicator_id = splits.indicator_id
    inner join {{ ref('int_measure_values') }} as measured
        on
            indicators.measure_id = measured.measure_id
            and coalesce(measured.service, indicators.service) = indicators.service
    left join {{ source('catalogue', 'breakdowns') }} as named
        on
            splits.indicator_id = named.indicator_id
            and splits.breakdown = named.breakdown
            and {{ value_told }} = named.breakdown_value
    left join {{ ref('int_persons') }} as persons on measured.person_id = persons.person_id
    left join {{ ref('fct_coverage') }} as coverage
        on
            indicators.indicator_id = coverage.indicator_id
            and measured.municipality_code = coverage.area_code
            and measured.year = extract(year from coverage.period_start)
    where
        (
            indicators.counting = 'flow'
            or {{ age_at_year_end('persons.birth_date', 'measured.year') }}
            between indicators.age_min and indicators.age_max
        )
        and (measured.municipality_code is null or coverage.coverage_state <> 'not_covered')
{%- endset %}
with
{{ sides() }},

splits as (
    select distinct
        indicator_id,
        breakdown
    from {{ source('catalogue', 'breakdowns') }}
),

contributions as (
    select
        indicators.indicator_id,
        splits.breakdown,
        coalesce(named.breakdown_value, 'unknown') as breakdown_value,
        measured.year,
        measured.person_id,
        measured.municipality_code,
        max(indicators.kind) as kind,
        sum(case when indicators.is_numerator then measured.value else 0 end) as numerator,
        sum(case when indicators.is_numerator then 0 else measured.value end) as denominator
    from {{ covered_rows }}
    group by
        indicators.indicator_id,
        splits.breakdown,
        coalesce(named.breakdown_value, 'unknown'),
        measured.year,
        measured.person_id,
        measured.municipality_code
),

{{ persons_in_areas(['breakdown', 'breakdown_value', 'year'], is_apart()) }},

counted as (
    select
        indicator_id,
        area_level,
        area_code,
        breakdown,
        breakdown_value,
        year,
        {{ counts_of_persons() }}
    from persons_in_areas
    group by indicator_id, area_level, area_code, breakdown, breakdown_value, year
),

-- Few stand behind many rows: each once, before they are counted for two kinds of areas.
behind as (
    select distinct
        indicators.indicator_id,
        measured.municipality_code,
        splits.breakdown,
        coalesce(named.breakdown_value, 'unknown') as breakdown_value,
        measured.year,
        measured.provider_key
    from {{ covered_rows }}
        and not indicators.is_numerator
        and measured.value > 0
        and measured.provider_key is not null
),

providers as (
    select
        indicator_id,
        municipality_code as area_code,
        breakdown,
        breakdown_value,
        year,
        count(*) as providers
    from behind
    where municipality_code is not null
    group by indicator_id, municipality_code, breakdown, breakdown_value, year
    union all
    select
        indicator_id,
        'MIDT' as area_code,
        breakdown,
        breakdown_value,
        year,
        count(distinct provider_key) as providers
    from behind
    group by indicator_id, breakdown, breakdown_value, year
),

has_providers as (
    select distinct indicator_id
    from behind
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
from counted
inner join {{ source('catalogue', 'years') }} as years on counted.year = years.year
left join providers
    on
        counted.indicator_id = providers.indicator_id
        and counted.area_code = providers.area_code
        and counted.breakdown = providers.breakdown
        and counted.breakdown_value = providers.breakdown_value
        and counted.year = providers.year
left join has_providers on counted.indicator_id = has_providers.indicator_id
