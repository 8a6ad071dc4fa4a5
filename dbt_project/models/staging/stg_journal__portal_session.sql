with latest as (
    {{ latest_version('portal_session') }}
)

select
    session_key,
    patient_key,
    session_on
from latest
