select distinct
    cast(null as varchar) as service,
    residents.person_id,
    residents.year,
    residents.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_residents') }} as residents
inner join {{ ref('int_person_links') }} as links on residents.person_id = links.person_id
inner join {{ ref('stg_journal__portal_session') }} as sessions
    on
        links.patient_key = sessions.patient_key
        and cast(extract(year from sessions.session_on) as integer) = residents.year
