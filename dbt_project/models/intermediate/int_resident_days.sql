select
    spells.person_id,
    years.year,
    spells.municipality_code,
    sum(
        {{ days_between('greatest(spells.valid_from, years.first_day)', 'least(spells.valid_to, years.next_first_day)') }}
    ) as resident_days
from {{ ref('int_residence_spells') }} as spells
inner join {{ source('catalogue', 'years') }} as years
    on spells.valid_from < years.next_first_day and spells.valid_to > years.first_day
group by spells.person_id, years.year, spells.municipality_code
