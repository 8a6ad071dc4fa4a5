-- Falls on days that are counted as bed days. Where two stays run, the fall is in the later one.
with falls as (
    select
        observations.observation_key,
        days.person_id,
        days.year,
        cast(extract(month from observations.observed_on) as integer) as month,
        days.municipality_code,
        days.provider_key,
        row_number() over (
            partition by observations.observation_key
            order by days.first_day desc, days.episode_key desc
        ) as place
    from {{ ref('stg_journal__observation') }} as observations
    inner join {{ ref('int_person_links') }} as links
        on observations.patient_key = links.patient_key
    inner join {{ ref('int_institution_days') }} as days
        on
            links.person_id = days.person_id
            and observations.observed_on >= days.first_day
            and observations.observed_on < days.day_after
    where observations.code = 'fall'
)

select
    cast(null as varchar) as service,
    person_id,
    year,
    month,
    municipality_code,
    provider_key,
    cast(count(*) as double) as value
from falls
where place = 1
group by person_id, year, month, municipality_code, provider_key
