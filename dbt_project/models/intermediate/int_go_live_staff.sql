-- Employees on the day on which their municipality went live, and whether they were trained by then.
with go_lives as (
    select
        municipality_code,
        min(valid_from) as go_live_on
    from {{ ref('int_covered_spells') }}
    where service = 'municipal_care'
    group by municipality_code
)

select
    staff.staff_key,
    cast(extract(year from go_lives.go_live_on) as integer) as year,
    staff.municipality_code,
    coalesce(staff.trained_on < go_lives.go_live_on, false) as is_trained
from {{ ref('stg_journal__staff') }} as staff
inner join go_lives
    on
        staff.municipality_code = go_lives.municipality_code
        and staff.employed_from <= go_lives.go_live_on
        and {{ open_end('staff.employed_to') }} > go_lives.go_live_on
