-- Antibiotics prescribed on the day on which an airway infection or symptom was recorded: a
-- prescription does not say what it is for.
with airways as (
    select distinct
        person_id,
        year,
        event_on
    from {{ ref('int_gp_events') }}
    where code_set = 'airway_diagnoses'
),

narrow as (
    select
        event_key,
        year
    from {{ ref('int_gp_events') }}
    where code_set = 'narrow_spectrum_penicillins'
)

select
    antibiotics.event_key,
    antibiotics.person_id,
    antibiotics.year,
    cast(extract(month from antibiotics.event_on) as integer) as month,
    antibiotics.municipality_code,
    antibiotics.provider_key,
    narrow.event_key is not null as is_narrow
from {{ ref('int_gp_events') }} as antibiotics
inner join airways
    on
        antibiotics.person_id = airways.person_id
        and antibiotics.year = airways.year
        and antibiotics.event_on = airways.event_on
left join narrow
    on
        antibiotics.event_key = narrow.event_key
        and antibiotics.year = narrow.year
where antibiotics.code_set = 'antibiotics'
