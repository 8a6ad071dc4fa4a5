-- Days of each month and quarter on which a service is covered: of the place, whoever lives there.
select
    covered.municipality_code,
    covered.service,
    months.part_of_year,
    months.year,
    months.month,
    months.days,
    sum(
        {{ days_between(
            'greatest(covered.valid_from, months.first_day)',
            'least(covered.valid_to, months.next_first_day)'
        ) }}
    ) as covered_days,
    sum(
        covered.live_share * {{ days_between(
            'greatest(covered.valid_from, months.first_day)',
            'least(covered.valid_to, months.next_first_day)'
        ) }}
    ) as share_days
from {{ ref('int_covered_spells') }} as covered
inner join {{ source('catalogue', 'parts_of_year') }} as months
    on
        covered.valid_from < months.next_first_day
        and covered.valid_to > months.first_day
where months.month = months.calendar_month
group by
    covered.municipality_code,
    covered.service,
    months.part_of_year,
    months.year,
    months.month,
    months.days
