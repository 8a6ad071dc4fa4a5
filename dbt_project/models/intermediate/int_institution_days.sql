-- Days of stays in units whose beds are known, while the unit's municipality is covered. A bed is
-- held while its resident is away for a while. The unit places the days: a graded person's unit is
-- not known, and so none of the days are here.
with stays as (
    select
        episodes.episode_key,
        links.person_id,
        episodes.provider_key,
        episodes.start_on,
        least({{ open_end('episodes.end_on') }}, {{ open_end('persons.death_date') }}) as end_on
    from {{ ref('stg_journal__care_episode') }} as episodes
    inner join {{ ref('int_person_links') }} as links on episodes.patient_key = links.patient_key
    inner join {{ ref('int_persons') }} as persons on links.person_id = persons.person_id
    where
        not persons.is_graded
        and {{ in_code_set('institution_stays', "'iplos'", 'episodes.service_type_code') }}
),

spells as (
    select
        stays.episode_key,
        stays.person_id,
        years.year,
        beds.municipality_code,
        beds.location_key as provider_key,
        greatest(stays.start_on, beds.first_day, years.first_day) as first_day,
        least(stays.end_on, beds.day_after, years.next_first_day) as day_after
    from stays
    inner join {{ ref('int_covered_beds') }} as beds
        on
            stays.provider_key = beds.location_key
            and stays.start_on < beds.day_after
            and stays.end_on > beds.first_day
    inner join {{ source('catalogue', 'years') }} as years
        on
            greatest(stays.start_on, beds.first_day) < years.next_first_day
            and least(stays.end_on, beds.day_after) > years.first_day
    where beds.beds > 0
)

select
    episode_key,
    person_id,
    year,
    municipality_code,
    provider_key,
    first_day,
    day_after,
    {{ days_between('first_day', 'day_after') }} as days
from spells
where first_day < day_after
