-- Short stays in an institution that have ended, and whether the person went home: alive, in no
-- bed of a hospital or an institution when the day was over.
with ended as (
    select
        episodes.episode_key,
        links.person_id,
        episodes.end_on,
        cast(extract(year from episodes.end_on) as integer) as year,
        cast(extract(month from episodes.end_on) as integer) as month,
        case when not persons.is_graded then episodes.municipality_code end as municipality_code,
        {{ open_end('persons.death_date') }} > episodes.end_on as is_alive
    from {{ ref('stg_journal__care_episode') }} as episodes
    inner join {{ ref('int_person_links') }} as links on episodes.patient_key = links.patient_key
    inner join {{ ref('int_persons') }} as persons on links.person_id = persons.person_id
    left join {{ ref('int_covered_spells') }} as covered
        on
            episodes.municipality_code = covered.municipality_code
            and covered.service = 'municipal_care'
            and episodes.end_on >= covered.valid_from
            and episodes.end_on < covered.valid_to
    where
        episodes.status = 'finished'
        and episodes.end_on is not null
        and {{ in_code_set('short_stays', "'iplos'", 'episodes.service_type_code') }}
        and (persons.is_graded or covered.municipality_code is not null)
),

beds as (
    select
        links.person_id,
        episodes.start_on,
        {{ open_end('episodes.end_on') }} as end_on
    from {{ ref('stg_journal__care_episode') }} as episodes
    inner join {{ ref('int_person_links') }} as links on episodes.patient_key = links.patient_key
    where {{ in_code_set('institution_stays', "'iplos'", 'episodes.service_type_code') }}
    union all
    select
        person_id,
        started_on as start_on,
        {{ open_end('ended_on') }} as end_on
    from {{ ref('int_hospital_stays') }}
),

still_in_bed as (
    select distinct ended.episode_key
    from ended
    inner join beds
        on
            ended.person_id = beds.person_id
            and ended.end_on >= beds.start_on
            and ended.end_on < beds.end_on
)

select
    ended.episode_key,
    ended.person_id,
    ended.year,
    ended.month,
    ended.municipality_code,
    ended.is_alive and still_in_bed.episode_key is null as is_home
from ended
left join still_in_bed on ended.episode_key = still_in_bed.episode_key
