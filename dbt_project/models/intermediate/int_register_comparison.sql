-- Residents by the journal and by the register, where the journal is supposed to know them all: in
-- municipalities that are live, on the days that the deliveries are about.
with days as (
    select first_day as on_date from {{ source('catalogue', 'years') }}
    union
    select next_first_day as on_date from {{ source('catalogue', 'years') }}
),

live as (
    select
        municipality_code,
        min(valid_from) as live_from
    from {{ source('catalogue', 'service_spells') }}
    group by municipality_code
),

register as (
    select
        population.municipality_code,
        population.on_date,
        -- A sum of cells of which one is not known is not known.
        case when count(population.persons) = count(*) then sum(population.persons) end
            as register_persons
    from {{ ref('stg_register__population') }} as population
    inner join days on population.on_date = days.on_date
    inner join live
        on
            population.municipality_code = live.municipality_code
            and population.on_date >= live.live_from
    group by population.municipality_code, population.on_date
),

journal as (
    select
        spells.municipality_code,
        days.on_date,
        count(*) as journal_residents
    from {{ ref('int_residence_spells') }} as spells
    inner join days on spells.valid_from <= days.on_date and spells.valid_to > days.on_date
    where spells.municipality_code is not null
    group by spells.municipality_code, days.on_date
)

select
    register.municipality_code,
    register.on_date,
    coalesce(journal.journal_residents, 0) as journal_residents,
    cast(register.register_persons as bigint) as register_persons
from register
left join journal
    on
        register.municipality_code = journal.municipality_code
        and register.on_date = journal.on_date
