-- A visit to the emergency room and the stay it leads to on the same day are one contact.
select
    cast(null as varchar) as service,
    contacts.person_id,
    contacts.year,
    contacts.municipality_code,
    cast(null as varchar) as provider_key,
    cast(count(distinct contacts.started_on) as double) as value
from {{ ref('int_covered_contacts') }} as contacts
inner join {{ ref('stg_journal__condition') }} as conditions
    on contacts.encounter_key = conditions.encounter_key
where
    (contacts.class_code = 'EMER' or (contacts.class_code = 'IMP' and contacts.priority_code = 'EM'))
    and {{ in_code_set('self_harm', 'conditions.code_system', 'conditions.code') }}
group by contacts.person_id, contacts.year, contacts.municipality_code
