-- Municipal services that run at the end of the year, of the residents of that day.
select
    residents.person_id,
    residents.year,
    residents.municipality_code,
    episodes.episode_key,
    episodes.service_type_code,
    episodes.provider_key,
    episodes.weekly_hours
from {{ ref('int_residents') }} as residents
inner join {{ ref('int_person_links') }} as links on residents.person_id = links.person_id
inner join {{ ref('stg_journal__care_episode') }} as episodes
    on links.patient_key = episodes.patient_key
where
    episodes.status in ('active', 'finished')
    and episodes.start_on <= residents.last_day
    and {{ open_end('episodes.end_on') }} > residents.last_day
