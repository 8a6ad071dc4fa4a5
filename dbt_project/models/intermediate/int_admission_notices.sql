-- Stays that the municipality was told of, what was sent about them and when: once for each service
-- that was covered there on the day of the notice, since hospital and municipality record each
-- their own messages.
with notices as (
    select
        stays.encounter_key,
        stays.person_id,
        stays.is_graded,
        stays.started_on,
        stays.service_type as ward_group,
        messages.municipality_code,
        messages.sent_on as notice_on
    from {{ ref('int_hospital_stays') }} as stays
    inner join {{ ref('stg_journal__message') }} as messages
        on stays.encounter_key = messages.encounter_key
    where messages.message_type = 'innlagt'
    qualify row_number() over (
        partition by stays.encounter_key
        order by messages.sent_sequence, messages.message_key
    ) = 1
),

replies as (
    select
        encounter_key,
        min(case when message_type = 'tidligmelding' then sent_on end) as early_notice_on,
        min(case when message_type = 'innleggelsesrapport' then sent_on end) as report_on
    from {{ ref('stg_journal__message') }}
    where message_type in ('tidligmelding', 'innleggelsesrapport')
    group by encounter_key
),

users as (
    select distinct notices.encounter_key
    from notices
    inner join {{ ref('int_person_links') }} as links on notices.person_id = links.person_id
    inner join {{ ref('stg_journal__care_episode') }} as episodes
        on links.patient_key = episodes.patient_key
    where
        episodes.status in ('active', 'finished')
        and episodes.start_on <= notices.started_on
        and {{ open_end('episodes.end_on') }} > notices.started_on
),

services as (
    select distinct service
    from {{ ref('int_covered_spells') }}
    where service in ('hospital', 'municipal_care')
),

counted as (
    select
        notices.*,
        covered.service
    from notices
    inner join {{ ref('int_covered_spells') }} as covered
        on
            notices.municipality_code = covered.municipality_code
            and notices.notice_on >= covered.valid_from
            and notices.notice_on < covered.valid_to
    inner join services on covered.service = services.service
    union all
    select
        notices.*,
        services.service
    from notices
    cross join services
    where notices.is_graded
)

select
    counted.encounter_key,
    counted.service,
    counted.person_id,
    counted.ward_group as by_ward_group,
    cast(extract(year from counted.notice_on) as integer) as year,
    cast(extract(month from counted.notice_on) as integer) as month,
    counted.municipality_code,
    users.encounter_key is not null as is_user,
    coalesce({{ days_between('counted.started_on', 'replies.early_notice_on') }} <= 1, false)
        as is_early_noticed,
    coalesce({{ days_between('counted.notice_on', 'replies.report_on') }} <= 1, false)
        as is_reported
from counted
left join replies on counted.encounter_key = replies.encounter_key
left join users on counted.encounter_key = users.encounter_key
