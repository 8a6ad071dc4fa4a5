-- Residents who have been granted a place and have none at the end of a month: the decision stands,
-- its service has not begun, and no other long-term stay runs.
with waiting as (
    select distinct
        links.person_id,
        months.year,
        months.month,
        months.last_day,
        spells.municipality_code
    from {{ ref('stg_journal__care_decision') }} as decisions
    inner join {{ ref('int_person_links') }} as links on decisions.patient_key = links.patient_key
    inner join {{ source('catalogue', 'parts_of_year') }} as months
        on
            months.part_of_year = 'month'
            and decisions.decided_on <= months.last_day
    inner join {{ ref('int_residence_spells') }} as spells
        on
            links.person_id = spells.person_id
            and months.last_day >= spells.valid_from
            and months.last_day < spells.valid_to
    where
        {{ in_code_set('nursing_home_waiting', "'iplos'", 'decisions.service_type_code') }}
        and (
            (decisions.status in ('active', 'on-hold') and decisions.first_service_on is null)
            or (decisions.status <> 'revoked' and decisions.first_service_on > months.last_day)
        )
),

placed as (
    select distinct
        waiting.person_id,
        waiting.last_day
    from waiting
    inner join {{ ref('int_person_links') }} as links on waiting.person_id = links.person_id
    inner join {{ ref('stg_journal__care_episode') }} as episodes
        on links.patient_key = episodes.patient_key
    where
        {{ in_code_set('long_stay_residents', "'iplos'", 'episodes.service_type_code') }}
        and episodes.status in ('active', 'finished')
        and episodes.start_on <= waiting.last_day
        and {{ open_end('episodes.end_on') }} > waiting.last_day
)

select
    waiting.person_id,
    waiting.year,
    waiting.month,
    waiting.municipality_code
from waiting
left join placed
    on
        waiting.person_id = placed.person_id
        and waiting.last_day = placed.last_day
where placed.person_id is null
