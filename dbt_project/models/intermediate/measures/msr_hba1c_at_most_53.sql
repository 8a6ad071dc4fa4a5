select
    cast(null as varchar) as service,
    measured.person_id,
    measured.year,
    measured.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('int_last_hba1c') }} as measured
inner join {{ source('catalogue', 'indicator_parameters') }} as highest
    on
        highest.indicator_id = 'hba1c_at_most_53_share'
        and highest.parameter = 'highest_mmol_mol'
where measured.hba1c <= highest.value
