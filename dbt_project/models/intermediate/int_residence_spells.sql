-- Where a person lived and when, within the person's life. A graded person has one spell without
-- a place: counted in the region's total, in no municipality. The municipality is that of the border
-- set which history is cut to; an address that cannot be told by it has the code of its date, which
-- is no area then (see `residents_are_in_the_border_set`).
with residences as (
    select
        residence.patient_key,
        residence.valid_from,
        residence.valid_to,
        coalesce(
            case borders.border_set
                when '2019' then residence.municipality_2019
                when '2020' then residence.municipality_2020
                when '2024' then residence.municipality_2024
            end,
            residence.municipality_code
        ) as municipality_code
    from {{ ref('stg_journal__residence') }} as residence
    cross join {{ source('catalogue', 'border_set') }} as borders
),

standing as (
    -- Where several records of one person have an address history, one of them stands for all.
    select
        links.person_id,
        links.patient_key
    from residences as residence
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
    from residences as residence
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
