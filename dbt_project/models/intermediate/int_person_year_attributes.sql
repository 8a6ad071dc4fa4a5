-- What the microdata door makes k-anonymous: one row per resident and year, nobody graded.
-- Three emergency stays stand for three or more: the few who have many would be known by it.
with stays as (
    select
        person_id,
        year,
        sum(value) as emergency_stays
    from {{ ref('msr_emergency_stays') }}
    group by person_id, year
)

select
    residents.person_id,
    residents.year,
    residents.municipality_code,
    persons.sex,
    {{ age_at_year_end('persons.birth_date', 'residents.year') }} as age,
    diabetes.person_id is not null as diabetes,
    nursing.person_id is not null as home_nursing,
    long_stay.person_id is not null as long_stay,
    cast(least(coalesce(stays.emergency_stays, 0), 3) as integer) as emergency_stays
from {{ ref('int_residents') }} as residents
inner join {{ ref('int_persons') }} as persons on residents.person_id = persons.person_id
left join {{ ref('msr_diabetes_t2') }} as diabetes
    on residents.person_id = diabetes.person_id and residents.year = diabetes.year
left join {{ ref('msr_home_nursing_users') }} as nursing
    on residents.person_id = nursing.person_id and residents.year = nursing.year
left join {{ ref('msr_long_stay_residents') }} as long_stay
    on residents.person_id = long_stay.person_id and residents.year = long_stay.year
left join stays on residents.person_id = stays.person_id and residents.year = stays.year
where residents.municipality_code is not null
