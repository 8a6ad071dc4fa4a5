with latest as (
    {{ latest_version('procedure') }}
)

select
    procedure_key,
    patient_key,
    code,
    performed_on,
    municipality_code
from latest
where status = 'completed'
