select
    cast(null as varchar) as service,
    stays.person_id,
    stays.year,
    stays.month,
    stays.municipality_code,
    cast(null as varchar) as provider_key,
    cast(count(distinct stays.encounter_key) as double) as value
from {{ ref('int_finished_stays') }} as stays
inner join {{ ref('stg_journal__message') }} as messages
    on
        stays.encounter_key = messages.encounter_key
        and stays.ended_on = messages.sent_on
where
    stays.notice_on is not null
    and messages.message_type = 'utskrivningsrapport'
group by stays.person_id, stays.year, stays.month, stays.municipality_code
