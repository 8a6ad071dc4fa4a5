with latest as (
    {{ latest_version('portal_form') }}
)

select
    form_key,
    patient_key,
    sent_on,
    answered_on,
    contact_on
from latest
where
    task_kind = 'form'
    and status not in ('cancelled', 'entered-in-error')
