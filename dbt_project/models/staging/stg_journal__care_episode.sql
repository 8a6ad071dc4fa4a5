with latest as (
    {{ latest_version('care_episode') }}
)

select
    episode_key,
    patient_key,
    status,
    service_type_code,
    municipality_code,
    provider_key,
    start_on,
    end_on,
    weekly_hours
from latest
where status not in ('cancelled', 'entered-in-error')
