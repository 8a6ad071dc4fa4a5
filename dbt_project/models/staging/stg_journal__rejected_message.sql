with latest as (
    {{ latest_version('message') }}
)

select
    message_key,
    patient_key,
    message_type,
    sent_on,
    municipality_code
from latest
where status = 'not-done'
