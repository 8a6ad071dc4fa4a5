with latest as (
    {{ latest_version('portal_form') }}
)

select
    form_key as item_key,
    status,
    municipality_code,
    service,
    sent_on as listed_on,
    answered_on as done_on,
    due_on
from latest
where
    task_kind = 'worklist_item'
    and status not in ('cancelled', 'entered-in-error')
