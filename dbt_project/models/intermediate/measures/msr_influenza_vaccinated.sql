with
{{ looking_back('gp_residents', 'influenza_65plus_share', 'season_months') }}

select distinct
    cast(null as varchar) as service,
    lookback.person_id,
    lookback.year,
    lookback.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from lookback
inner join {{ ref('int_person_links') }} as links on lookback.person_id = links.person_id
inner join {{ ref('stg_journal__immunization') }} as vaccinations
    on
        links.patient_key = vaccinations.patient_key
        and lookback.after_day < vaccinations.given_on
        and lookback.last_day >= vaccinations.given_on
where {{ in_code_set('influenza_vaccines', "'atc'", 'vaccinations.vaccine_code') }}
