-- Doses against measles, mumps and rubella that residents had had by the end of the year. Two on
-- one day are one: the same dose recorded twice.
select
    residents.person_id,
    residents.year,
    residents.municipality_code,
    count(distinct vaccinations.given_on) as doses
from {{ ref('int_residents') }} as residents
inner join {{ ref('int_person_links') }} as links on residents.person_id = links.person_id
inner join {{ ref('stg_journal__immunization') }} as vaccinations
    on
        links.patient_key = vaccinations.patient_key
        and residents.last_day >= vaccinations.given_on
where {{ in_code_set('mmr_vaccines', "'atc'", 'vaccinations.vaccine_code') }}
group by residents.person_id, residents.year, residents.municipality_code
