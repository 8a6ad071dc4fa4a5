-- The notice that stands: the last of notices and cancellations up to the discharge decides.
with ranked as (
    select
        stays.encounter_key,
        messages.message_type,
        messages.sent_on,
        row_number() over (
            partition by stays.encounter_key
            order by messages.sent_sequence desc, messages.message_key desc
        ) as position
    from {{ ref('int_hospital_stays') }} as stays
    inner join {{ ref('stg_journal__message') }} as messages
        on stays.encounter_key = messages.encounter_key
    where
        stays.status = 'finished'
        and messages.sent_on <= stays.ended_on
        and messages.message_type in ('utskrivningsklar', 'avmelding-utskrivningsklar')
)

select
    encounter_key,
    sent_on as notice_on
from ranked
where
    position = 1
    and message_type = 'utskrivningsklar'
