-- Prescriptions in enough of the year's quarters: a course is over before that.
select
    cast(null as varchar) as service,
    events.person_id,
    events.year,
    events.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_gp_events') }} as events
inner join {{ source('catalogue', 'indicator_parameters') }} as least_quarters
    on
        least_quarters.indicator_id = 'opioid_long_term_use_share'
        and least_quarters.parameter = 'minimum_quarters'
where events.code_set = 'opioids'
group by events.person_id, events.year, events.municipality_code, least_quarters.value
having count(distinct extract(quarter from events.event_on)) >= least_quarters.value
