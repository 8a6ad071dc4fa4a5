with latest as (
    {{ latest_version('portal_session', 'session_key') }}
)

select
    session_key,
    patient_key,
    session_on
from latest
