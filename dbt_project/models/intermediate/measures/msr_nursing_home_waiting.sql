-- Residents who have been granted a place and have none: the decision stands, its service has not
-- begun by the end of the year, and no other long-term stay runs.
select distinct
    cast(null as varchar) as service,
    residents.person_id,
    residents.year,
    residents.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_residents') }} as residents
inner join {{ ref('int_person_links') }} as links on residents.person_id = links.person_id
inner join {{ ref('stg_journal__care_decision') }} as decisions
    on links.patient_key = decisions.patient_key
left join {{ ref('msr_long_stay_residents') }} as placed
    on residents.person_id = placed.person_id and residents.year = placed.year
where
    {{ in_code_set('nursing_home_waiting', "'iplos'", 'decisions.service_type_code') }}
    and decisions.decided_on <= residents.last_day
    and placed.person_id is null
    and (
        (decisions.status in ('active', 'on-hold') and decisions.first_service_on is null)
        or (decisions.status <> 'revoked' and decisions.first_service_on > residents.last_day)
    )
