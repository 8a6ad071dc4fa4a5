-- Queries sent on covered days of the municipality that asks or is asked, and whether the first
-- answer came by the end of the next working day.
with answers as (
    select
        answers_message_key,
        min(sent_on) as answered_on
    from {{ ref('stg_journal__message') }}
    where message_type = 'svar-foresporsel'
    group by answers_message_key
)

select
    queries.message_key,
    links.person_id,
    cast(extract(year from queries.sent_on) as integer) as year,
    cast(extract(month from queries.sent_on) as integer) as month,
    queries.municipality_code,
    coalesce(answers.answered_on <= days.next_working_day, false) as is_answered_in_time
from {{ ref('stg_journal__message') }} as queries
inner join {{ ref('int_person_links') }} as links on queries.patient_key = links.patient_key
inner join {{ ref('int_persons') }} as persons on links.person_id = persons.person_id
inner join {{ source('catalogue', 'working_days') }} as days on queries.sent_on = days.day
left join answers on queries.message_key = answers.answers_message_key
left join {{ ref('int_covered_spells') }} as covered
    on
        queries.municipality_code = covered.municipality_code
        and covered.service = 'municipal_care'
        and queries.sent_on >= covered.valid_from
        and queries.sent_on < covered.valid_to
where
    queries.message_type = 'foresporsel'
    and (persons.is_graded or covered.municipality_code is not null)
