-- What the microdata door partitions: residents by area, sex and single year of age.
with residents as (
    select
        residents.year,
        residents.municipality_code,
        persons.sex,
        {{ age_at_year_end('persons.birth_date', 'residents.year') }} as age
    from {{ ref('int_residents') }} as residents
    inner join {{ ref('int_persons') }} as persons on residents.person_id = persons.person_id
)

select
    'municipality' as area_level,
    municipality_code as area_code,
    sex,
    year,
    age,
    count(*) as residents
from residents
where municipality_code is not null
group by municipality_code, sex, year, age
union all
select
    'region' as area_level,
    'MIDT' as area_code,
    sex,
    year,
    age,
    count(*) as residents
from residents
group by sex, year, age
