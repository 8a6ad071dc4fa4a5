select
    cast(null as varchar) as service,
    dementia.person_id,
    dementia.year,
    dementia.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('msr_dementia') }} as dementia
inner join {{ ref('int_gp_events') }} as drugs
    on
        dementia.person_id = drugs.person_id
        and dementia.year = drugs.year
        and drugs.code_set = 'antipsychotic_drugs'
group by dementia.person_id, dementia.year, dementia.municipality_code
