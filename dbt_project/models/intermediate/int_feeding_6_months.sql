-- How children who turn one were fed at six months: what was recorded last at that age, and of
-- several answers at one age the most milk.
select
    seen.person_id,
    seen.year,
    seen.municipality_code,
    seen.value as breastfed
from {{ ref('int_infant_observations') }} as seen
inner join {{ source('catalogue', 'indicator_parameters') }} as from_days
    on
        from_days.indicator_id = 'breastfeeding_6_months_share'
        and from_days.parameter = 'from_days'
        and seen.age_days >= from_days.value
inner join {{ source('catalogue', 'indicator_parameters') }} as by_days
    on
        by_days.indicator_id = 'breastfeeding_6_months_share'
        and by_days.parameter = 'by_days'
        and seen.age_days <= by_days.value
where seen.code = 'breastfeeding' and seen.value is not null
qualify row_number() over (
    partition by seen.person_id, seen.year
    order by seen.age_days desc, seen.value desc
) = 1
