select
    cast(null as varchar) as service,
    stays.person_id,
    stays.year,
    months.month,
    stays.municipality_code,
    stays.provider_key,
    cast(sum(
        {{ days_between(
            'greatest(stays.first_day, months.first_day)',
            'least(stays.day_after, months.next_first_day)'
        ) }}
    ) as double) as value
from {{ ref('int_institution_days') }} as stays
inner join {{ source('catalogue', 'parts_of_year') }} as months
    on
        stays.year = months.year
        and stays.first_day < months.next_first_day
        and stays.day_after > months.first_day
where months.part_of_year = 'month'
group by
    stays.person_id, stays.year, months.month, stays.municipality_code, stays.provider_key
