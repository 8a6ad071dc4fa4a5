-- What is measured on a date, at the end of each month. December is the year, whose measures
-- `int_measure_values` holds.
select
    'open_worklist_items' as measure_id,
    item_key as person_id,
    year,
    month,
    municipality_code
from {{ ref('int_open_worklist_items') }}
union all
select
    'overdue_worklist_items' as measure_id,
    item_key as person_id,
    year,
    month,
    municipality_code
from {{ ref('int_open_worklist_items') }}
where is_overdue
union all
select
    'nursing_home_waiting' as measure_id,
    person_id,
    year,
    month,
    municipality_code
from {{ ref('int_nursing_home_waiting') }}
union all
select
    'staff' as measure_id,
    staff_key as person_id,
    year,
    month,
    municipality_code
from {{ ref('int_employments') }}
union all
select
    'staff_active' as measure_id,
    staff_key as person_id,
    year,
    month,
    municipality_code
from {{ ref('int_employments') }}
where is_active
