-- Body mass index of children in the year they turn eight: the last one, of one day the lowest.
select
    residents.person_id,
    residents.year,
    residents.municipality_code,
    persons.sex,
    case
        when {{ add_months('persons.birth_date', '96') }} <= observations.observed_on then 8
        else 7
    end as age_years,
    observations.value as body_mass_index
from {{ ref('int_residents') }} as residents
inner join {{ ref('int_persons') }} as persons on residents.person_id = persons.person_id
inner join {{ ref('int_person_links') }} as links on residents.person_id = links.person_id
inner join {{ ref('stg_journal__observation') }} as observations
    on
        links.patient_key = observations.patient_key
        and residents.year = extract(year from observations.observed_on)
where
    observations.value is not null
    and {{ age_at_year_end('persons.birth_date', 'residents.year') }} = 8
    and {{ in_code_set('body_mass_index', "'loinc'", 'observations.code') }}
qualify row_number() over (
    partition by residents.person_id, residents.year
    order by observations.observed_on desc, observations.value asc
) = 1
