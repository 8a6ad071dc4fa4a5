select
    municipality as municipality_code,
    sex,
    age,
    top_coded as is_open_age,
    on_date,
    persons,
    status as missing_reason
from {{ source('register', 'population') }}
