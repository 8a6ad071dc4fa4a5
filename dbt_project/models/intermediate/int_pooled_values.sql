-- What each person adds in each year of a period of several years, of the municipalities that the
-- period holds and of nobody's place. What the population register counts is left out.
with
{{ sides() }}

select
    indicators.indicator_id,
    measured.person_id,
    measured.municipality_code,
    measured.year,
    windows.first_day,
    windows.last_day,
    persons.sex,
    {{ age_at_year_end('persons.birth_date', 'measured.year') }} as age,
    max(indicators.kind) as kind,
    sum(case when indicators.is_numerator then measured.value else 0 end) as numerator,
    sum(case when indicators.is_numerator then 0 else measured.value end) as denominator
from sides as indicators
inner join {{ source('catalogue', 'windows') }} as windows
    on indicators.pooled_years = windows.pooled_years
inner join {{ ref('int_measure_values') }} as measured
    on
        indicators.measure_id = measured.measure_id
        and windows.year = measured.year
        and coalesce(measured.service, indicators.service) = indicators.service
inner join {{ ref('int_persons') }} as persons on measured.person_id = persons.person_id
left join {{ ref('int_pooled_places') }} as covered
    on
        indicators.indicator_id = covered.indicator_id
        and measured.municipality_code = covered.municipality_code
        and windows.year = covered.year
where
    {{ age_at_year_end('persons.birth_date', 'measured.year') }}
    between indicators.age_min and indicators.age_max
    and (measured.municipality_code is null or covered.indicator_id is not null)
    -- A public denominator leaves graded persons out, and the register may tell it instead.
    and (indicators.is_numerator or not {{ is_of_the_register() }})
    and (
        indicators.is_numerator
        or not indicators.has_public_denominator
        or measured.municipality_code is not null
    )
group by
    indicators.indicator_id,
    measured.person_id,
    measured.municipality_code,
    measured.year,
    windows.first_day,
    windows.last_day,
    persons.sex,
    persons.birth_date
