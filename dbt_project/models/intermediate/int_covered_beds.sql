-- Spells of capacity of each unit, within the days on which its municipality is covered.
select
    capacity.location_key,
    capacity.municipality_code,
    capacity.beds,
    greatest(capacity.valid_from, covered.valid_from) as first_day,
    least({{ open_end('capacity.valid_to') }}, covered.valid_to) as day_after
from {{ ref('stg_journal__bed_capacity') }} as capacity
inner join {{ ref('int_covered_spells') }} as covered
    on
        capacity.municipality_code = covered.municipality_code
        and covered.service = 'municipal_care'
        and capacity.valid_from < covered.valid_to
        and {{ open_end('capacity.valid_to') }} > covered.valid_from
