-- At the rate of the year of discharge; a year without a rate has no cost that anybody knows.
select
    cast(null as varchar) as service,
    days.person_id,
    days.year,
    days.month,
    days.municipality_code,
    cast(null as varchar) as provider_key,
    cast(sum(days.payable_days * rates.rate_nok) as double) as value
from {{ ref('int_payable_days') }} as days
inner join {{ source('catalogue', 'ready_for_discharge_rates') }} as rates on days.year = rates.year
group by days.person_id, days.year, days.month, days.municipality_code
