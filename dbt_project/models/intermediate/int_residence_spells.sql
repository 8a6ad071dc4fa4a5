-- Where a person lived and when, within the person's life. A graded person has one spell without
-- a place: counted in the region's total, in no municipality.
with standing as (
    -- Where several records of one person have an address history, one of them stands for all.
    select
        links.person_id,
        links.patient_key
    from {{ ref('stg_journal__residence') }} as residence
    inner join {{ ref('int_person_links') }} as links on residence.patient_key = links.patient_key
    where residence.municipality_code is not null
    qualify row_number() over (partition by links.person_id order by links.standing) = 1
),

placed as (
    select
        persons.person_id,
        residence.municipality_code,
        greatest(residence.valid_from, persons.birth_date) as valid_from,
        least({{ open_end('residence.valid_to') }}, {{ open_end('persons.death_date') }}) as valid_to
    from {{ ref('stg_journal__residence') }} as residence
    inner join standing on residence.patient_key = standing.patient_key
    inner join {{ ref('int_persons') }} as persons on standing.person_id = persons.person_id
    where
        not persons.is_graded
        and residence.municipality_code is not null
),

unplaced as (
    select
        person_id,
        cast(null as varchar) as municipality_code,
        birth_date as valid_from,
        {{ open_end('death_date') }} as valid_to
    from {{ ref('int_persons') }}
    where is_graded
),

spells as (
    select * from placed
    union all
    select * from unplaced
)

select * from spells
where valid_from < valid_to
