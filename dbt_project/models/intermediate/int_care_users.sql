-- Residents at the end of the year with a running municipal service, by type of service.
select distinct
    person_id,
    year,
    municipality_code,
    service_type_code
from {{ ref('int_running_services') }}
