-- Employments that ran at the end of a month, and whether the employee had logged in by then.
select distinct
    staff.staff_key,
    months.year,
    months.month,
    staff.municipality_code,
    coalesce(staff.first_login_on <= months.last_day, false) as is_active
from {{ ref('stg_journal__staff') }} as staff
inner join {{ source('catalogue', 'parts_of_year') }} as months
    on
        staff.employed_from <= months.last_day
        and {{ open_end('staff.employed_to') }} > months.last_day
where months.part_of_year = 'month'
