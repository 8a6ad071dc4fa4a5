-- Person-time inside coverage. A person without a place is covered always: the region's total is
-- the only figure they are part of.
with placed as (
    select
        spells.person_id,
        years.year,
        spells.municipality_code,
        covered.service,
        covered.live_share,
        {{ days_between(
            'greatest(spells.valid_from, covered.valid_from, years.first_day)',
            'least(spells.valid_to, covered.valid_to, years.next_first_day)'
        ) }} as days
    from {{ ref('int_residence_spells') }} as spells
    inner join {{ ref('int_covered_spells') }} as covered
        on
            spells.municipality_code = covered.municipality_code
            and spells.valid_from < covered.valid_to
            and spells.valid_to > covered.valid_from
    inner join {{ source('catalogue', 'years') }} as years
        on
            greatest(spells.valid_from, covered.valid_from) < years.next_first_day
            and least(spells.valid_to, covered.valid_to) > years.first_day
),

services as (
    select distinct service from {{ ref('int_covered_spells') }}
),

unplaced as (
    select
        resident_days.person_id,
        resident_days.year,
        resident_days.municipality_code,
        services.service,
        cast(1.0 as double) as live_share,
        resident_days.resident_days as days
    from {{ ref('int_resident_days') }} as resident_days
    cross join services
    where resident_days.municipality_code is null
),

all_days as (
    select * from placed
    union all
    select * from unplaced
)

select
    person_id,
    year,
    municipality_code,
    service,
    sum(days) as covered_days,
    sum(days * live_share) as share_days
from all_days
group by person_id, year, municipality_code, service
