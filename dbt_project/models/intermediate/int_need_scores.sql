-- The year's last score of need; of two on one day the higher. What is not relevant has no value.
with scored as (
    select
        links.person_id,
        cast(extract(year from observations.observed_on) as integer) as year,
        observations.value as score,
        row_number() over (
            partition by links.person_id, extract(year from observations.observed_on)
            order by observations.observed_on desc, observations.value desc
        ) as place
    from {{ ref('stg_journal__observation') }} as observations
    inner join {{ ref('int_person_links') }} as links
        on observations.patient_key = links.patient_key
    where observations.code = 'function_score' and observations.value between 1 and 5
)

select
    person_id,
    year,
    score
from scored
where place = 1
