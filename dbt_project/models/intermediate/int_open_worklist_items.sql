-- Items of worklists that were open at the end of a month. One without a due date is never overdue and
-- is left out.
select
    items.item_key,
    months.year,
    months.month,
    items.municipality_code,
    items.service as by_service,
    items.due_on < months.last_day as is_overdue
from {{ ref('stg_journal__worklist_item') }} as items
inner join {{ source('catalogue', 'parts_of_year') }} as months
    on
        items.listed_on <= months.last_day
        and (
            items.done_on > months.last_day
            or (items.done_on is null and items.status <> 'completed')
        )
where
    months.part_of_year = 'month'
    and items.due_on is not null
    and items.municipality_code is not null
