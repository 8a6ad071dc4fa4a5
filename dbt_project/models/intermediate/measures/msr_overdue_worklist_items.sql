select
    cast(null as varchar) as service,
    item_key as person_id,
    year,
    municipality_code,
    cast(null as varchar) as provider_key,
    by_service,
    cast(1 as double) as value
from {{ ref('int_open_worklist_items') }}
where month = 12 and is_overdue
