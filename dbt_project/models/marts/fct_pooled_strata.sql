-- The region's exact counts over several years by its strata: the rates that a municipality's years are
-- held against. Whoever grows older within a period counts in the stratum of each year.
with counted as (
    select
        indicator_id,
        first_day,
        last_day,
        sex,
        age,
        numerator,
        denominator
    from {{ ref('int_pooled_values') }}
    union all
    select
        indicators.indicator_id,
        covered.first_day,
        covered.last_day,
        inhabitants.sex,
        inhabitants.age,
        0 as numerator,
        inhabitants.value as denominator
    from {{ source('catalogue', 'indicators') }} as indicators
    inner join {{ ref('int_pooled_places') }} as covered
        on indicators.indicator_id = covered.indicator_id
    inner join {{ ref('int_register_measures') }} as inhabitants
        on
            indicators.denominator_measure = inhabitants.measure_id
            and coalesce(inhabitants.service, indicators.service) = indicators.service
            and covered.municipality_code = inhabitants.municipality_code
            and covered.year = inhabitants.year
            and inhabitants.age between indicators.age_min and indicators.age_max
    where {{ is_of_the_register() }}
)

select
    counted.indicator_id,
    counted.sex,
    cast(strata.age_from as integer) as age_from,
    cast(strata.age_to as integer) as age_to,
    counted.first_day as period_start,
    counted.last_day as period_end,
    cast(sum(counted.numerator) as double) as numerator,
    cast(sum(counted.denominator) as double) as denominator
from counted
inner join {{ source('doors', 'strata_map') }} as strata
    on
        strata.area_code = 'MIDT'
        and counted.sex = strata.sex
        and counted.age between strata.age_from and strata.age_to
group by
    counted.indicator_id,
    counted.sex,
    strata.age_from,
    strata.age_to,
    counted.first_day,
    counted.last_day
