-- What was assessed, reviewed or screened in the twelve months up to the end of each year, wherever
-- the person lived then.
with assessed as (
    select
        patient_key,
        code as assessment,
        performed_on as assessed_on
    from {{ ref('stg_journal__procedure') }}
    union all
    select
        patient_key,
        code as assessment,
        observed_on as assessed_on
    from {{ ref('stg_journal__observation') }}
    where code = 'nutrition_screening'
)

select distinct
    links.person_id,
    cast(extract(year from assessed.assessed_on) as integer) as year,
    assessed.assessment
from assessed
inner join {{ ref('int_person_links') }} as links on assessed.patient_key = links.patient_key
