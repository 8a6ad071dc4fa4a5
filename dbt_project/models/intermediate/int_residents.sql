-- One row per person alive and resident at the end of the year.
select
    spells.person_id,
    years.year,
    years.last_day,
    spells.municipality_code
from {{ ref('int_residence_spells') }} as spells
inner join {{ source('catalogue', 'years') }} as years
    on spells.valid_from <= years.last_day and spells.valid_to > years.last_day
