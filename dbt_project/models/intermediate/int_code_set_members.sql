-- Few codes stand in many rows: each is looked up once. A prefix stands for all that begin with it;
-- an IPLOS code has one or two digits and stands for itself alone: 1 is not 15.
with codes as (
    select code from {{ ref('stg_journal__condition') }}
    union
    select code from {{ ref('stg_journal__observation') }}
    union
    select atc_code as code from {{ ref('stg_journal__prescription') }}
    union
    select vaccine_code as code from {{ ref('stg_journal__immunization') }}
    union
    select service_type_code as code from {{ ref('stg_journal__care_episode') }}
    union
    select service_type_code as code from {{ ref('stg_journal__care_decision') }}
)

select distinct
    code_sets.code_set,
    code_sets.code_system,
    codes.code
from codes
inner join {{ source('catalogue', 'code_sets') }} as code_sets
    on
        starts_with(codes.code, code_sets.prefix)
        and (code_sets.code_system <> 'iplos' or codes.code = code_sets.prefix)
