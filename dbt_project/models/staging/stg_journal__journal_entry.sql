with latest as (
    {{ latest_version('journal_entry') }}
)

select
    entry_key,
    patient_key,
    staff_key,
    municipality_code,
    service,
    form,
    device,
    recorded_on,
    event_on
from latest
where status = 'current'
