-- Residents at the end of the year with a running municipal service, by type of service. Of several
-- units that give one person the same service, the first by key stands for them.
select
    residents.person_id,
    residents.year,
    residents.municipality_code,
    episodes.service_type_code,
    min(episodes.provider_key) as provider_key
from {{ ref('int_residents') }} as residents
inner join {{ ref('int_person_links') }} as links on residents.person_id = links.person_id
inner join {{ ref('stg_journal__care_episode') }} as episodes
    on links.patient_key = episodes.patient_key
where
    episodes.status in ('active', 'finished')
    and episodes.start_on <= residents.last_day
    and {{ open_end('episodes.end_on') }} > residents.last_day
group by
    residents.person_id, residents.year, residents.municipality_code, episodes.service_type_code
