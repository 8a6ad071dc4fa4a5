with latest as (
    {{ latest_version('message') }}
)

select
    message_key,
    patient_key,
    encounter_key,
    answers_message_key,
    message_type,
    sent_on,
    sent_sequence,
    municipality_code
from latest
where status = 'completed'
