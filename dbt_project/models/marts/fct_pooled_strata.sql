-- The region's exact counts over several years by its strata: the rates that a municipality's years are
-- held against. Whoever grows older within a period counts in the stratum of each year.
with
{{ pooled_rows() }},

counted as (
    select
        indicator_id,
        first_day,
        last_day,
        sex,
        age,
        numerator,
        denominator
    from pooled_rows
    union all
    select
        indicator_id,
        first_day,
        last_day,
        sex,
        age,
        0 as numerator,
        value as denominator
    from pooled_inhabitants
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
