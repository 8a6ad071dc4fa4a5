-- Items of worklists that were open at the end of a year. One without a due date is never overdue and
-- is left out.
select
    items.item_key,
    years.year,
    items.municipality_code,
    items.service as by_service,
    items.due_on < years.last_day as is_overdue
from {{ ref('stg_journal__worklist_item') }} as items
inner join {{ source('catalogue', 'years') }} as years
    on
        items.listed_on <= years.last_day
        and (
            items.done_on > years.last_day
            or (items.done_on is null and items.status <> 'completed')
        )
where
    items.due_on is not null
    and items.municipality_code is not null
