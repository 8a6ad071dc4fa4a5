select
    person_year_key,
    cast(year as integer) as year,
    municipality_code,
    sex,
    cast(age_from as integer) as age_from,
    cast(age_to as integer) as age_to,
    diabetes,
    diabetes_status,
    home_nursing,
    home_nursing_status,
    long_stay,
    long_stay_status,
    cast(emergency_stays as integer) as emergency_stays,
    emergency_stays_status
from {{ source('doors', 'person_years') }}
