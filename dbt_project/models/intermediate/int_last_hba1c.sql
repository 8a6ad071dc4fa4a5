-- The last HbA1c of persons with type 2 diabetes; of several on one day the lowest.
with
{{ looking_back('diabetes_t2', 'hba1c_measured_share', 'measured_within_months') }}

select
    lookback.person_id,
    lookback.year,
    lookback.municipality_code,
    observations.observed_on,
    observations.value as hba1c
from lookback
inner join {{ ref('int_person_links') }} as links on lookback.person_id = links.person_id
inner join {{ ref('stg_journal__observation') }} as observations
    on
        links.patient_key = observations.patient_key
        and lookback.after_day < observations.observed_on
        and lookback.last_day >= observations.observed_on
where
    observations.value is not null
    and {{ in_code_set('hba1c_analyses', "'nlk'", 'observations.code') }}
qualify row_number() over (
    partition by lookback.person_id, lookback.year
    order by observations.observed_on desc, observations.value asc
) = 1
