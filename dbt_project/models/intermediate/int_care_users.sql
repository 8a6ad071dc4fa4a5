-- Residents at the end of the year with a running municipal service, by type of service. Of several
-- units that give one person the same service, the first by key stands for them.
select
    person_id,
    year,
    municipality_code,
    service_type_code,
    min(provider_key) as provider_key
from {{ ref('int_running_services') }}
group by person_id, year, municipality_code, service_type_code
