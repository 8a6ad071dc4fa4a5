-- What the microdata door makes k-anonymous: one row per resident and year, nobody graded.
-- Counts end where only few have more, and so does age: the few would be known by it.
with stays as (
    select
        person_id,
        year,
        sum(value) as emergency_stays
    from {{ ref('msr_emergency_stays') }}
    group by person_id, year
),

contacts as (
    select
        links.person_id,
        cast(extract(year from claims.billed_on) as integer) as year,
        sum(case when claims.service = 'gp' then 1 else 0 end) as gp_contacts,
        sum(case when claims.service = 'out_of_hours' then 1 else 0 end) as out_of_hours_contacts
    from {{ ref('stg_journal__claim') }} as claims
    inner join {{ ref('int_person_links') }} as links on claims.patient_key = links.patient_key
    group by links.person_id, cast(extract(year from claims.billed_on) as integer)
)

select
    residents.person_id,
    residents.year,
    residents.municipality_code,
    persons.sex,
    cast(least({{ age_at_year_end('persons.birth_date', 'residents.year') }}, 105) as integer)
        as age,
    gp.person_id is not null as gp_covered,
    diabetes.person_id is not null as diabetes,
    asthma.person_id is not null as asthma,
    copd.person_id is not null as copd,
    dementia.person_id is not null as dementia,
    nursing.person_id is not null as home_nursing,
    long_stay.person_id is not null as long_stay,
    portal.person_id is not null as portal_active,
    cast(least(coalesce(stays.emergency_stays, 0), 3) as integer) as emergency_stays,
    cast(least(coalesce(contacts.gp_contacts, 0), 6) as integer) as gp_contacts,
    cast(least(coalesce(contacts.out_of_hours_contacts, 0), 3) as integer)
        as out_of_hours_contacts,
    cast(coalesce(scores.score, 0) as integer) as need_level
from {{ ref('int_residents') }} as residents
inner join {{ ref('int_persons') }} as persons on residents.person_id = persons.person_id
left join {{ ref('msr_gp_residents') }} as gp
    on residents.person_id = gp.person_id and residents.year = gp.year
left join {{ ref('msr_diabetes_t2') }} as diabetes
    on residents.person_id = diabetes.person_id and residents.year = diabetes.year
left join {{ ref('msr_asthma') }} as asthma
    on residents.person_id = asthma.person_id and residents.year = asthma.year
left join {{ ref('msr_copd') }} as copd
    on residents.person_id = copd.person_id and residents.year = copd.year
left join {{ ref('msr_dementia') }} as dementia
    on residents.person_id = dementia.person_id and residents.year = dementia.year
left join {{ ref('msr_home_nursing_users') }} as nursing
    on residents.person_id = nursing.person_id and residents.year = nursing.year
left join {{ ref('msr_long_stay_residents') }} as long_stay
    on residents.person_id = long_stay.person_id and residents.year = long_stay.year
left join {{ ref('msr_portal_active') }} as portal
    on residents.person_id = portal.person_id and residents.year = portal.year
left join stays on residents.person_id = stays.person_id and residents.year = stays.year
left join contacts
    on residents.person_id = contacts.person_id and residents.year = contacts.year
left join {{ ref('int_need_scores') }} as scores
    on residents.person_id = scores.person_id and residents.year = scores.year
where residents.municipality_code is not null
