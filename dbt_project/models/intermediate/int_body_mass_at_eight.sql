-- Body mass index of children in the year they turn eight: the last one, of one day the lowest.
with readings as (
    select
        patient_key,
        observed_on,
        value
    from {{ ref('stg_journal__observation') }}
    where value is not null and {{ in_code_set('body_mass_index', "'loinc'", 'code') }}
)

select
    residents.person_id,
    residents.year,
    residents.municipality_code,
    persons.sex,
    case
        when {{ add_months('persons.birth_date', '96') }} <= readings.observed_on then 8
        else 7
    end as age_years,
    readings.value as body_mass_index
from {{ ref('int_residents') }} as residents
inner join {{ ref('int_persons') }} as persons on residents.person_id = persons.person_id
inner join {{ ref('int_person_links') }} as links on residents.person_id = links.person_id
inner join readings
    on
        links.patient_key = readings.patient_key
        and residents.year = extract(year from readings.observed_on)
where {{ age_at_year_end('persons.birth_date', 'residents.year') }} = 8
qualify row_number() over (
    partition by residents.person_id, residents.year
    order by readings.observed_on desc, readings.value asc
) = 1
