-- What health stations saw of children who turn one in the year, by the child's age in days.
select
    residents.person_id,
    residents.year,
    residents.municipality_code,
    observations.code,
    observations.value,
    {{ days_between('persons.birth_date', 'observations.observed_on') }} as age_days
from {{ ref('int_residents') }} as residents
inner join {{ ref('int_persons') }} as persons on residents.person_id = persons.person_id
inner join {{ ref('int_person_links') }} as links on residents.person_id = links.person_id
inner join {{ ref('stg_journal__observation') }} as observations
    on links.patient_key = observations.patient_key
where
    observations.code in ('health_check', 'breastfeeding')
    and observations.observed_on <= residents.last_day
    and {{ age_at_year_end('persons.birth_date', 'residents.year') }} = 1
