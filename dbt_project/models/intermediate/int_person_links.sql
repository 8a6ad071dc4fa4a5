select
    patient_key,
    person_id
from {{ ref('stg_journal__patient') }}
