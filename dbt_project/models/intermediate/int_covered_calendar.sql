-- Days of each year on which a service is covered: of the place, whoever lives there.
select
    covered.municipality_code,
    covered.service,
    years.year,
    years.days,
    sum(
        {{ days_between(
            'greatest(covered.valid_from, years.first_day)',
            'least(covered.valid_to, years.next_first_day)'
        ) }}
    ) as covered_days,
    sum(
        covered.live_share * {{ days_between(
            'greatest(covered.valid_from, years.first_day)',
            'least(covered.valid_to, years.next_first_day)'
        ) }}
    ) as share_days
from {{ ref('int_covered_spells') }} as covered
inner join {{ source('catalogue', 'years') }} as years
    on
        covered.valid_from < years.next_first_day
        and covered.valid_to > years.first_day
group by covered.municipality_code, covered.service, years.year, years.days
