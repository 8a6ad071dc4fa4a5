-- Few codes stand in many rows: each is looked up once, among all rows that were delivered, for a
-- code that no longer stands is in no row that asks. A prefix stands for all that begin with it;
-- an IPLOS code has one or two digits and stands for itself alone: 1 is not 15.
with codes as (
    select code from {{ source('journal', 'condition') }}
    where transaction_time <= {{ as_of() }}
    union
    select code from {{ source('journal', 'observation') }}
    where transaction_time <= {{ as_of() }}
    union
    select atc_code as code from {{ source('journal', 'prescription') }}
    where transaction_time <= {{ as_of() }}
    union
    select vaccine_code as code from {{ source('journal', 'immunization') }}
    where transaction_time <= {{ as_of() }}
    union
    select service_type_code as code from {{ source('journal', 'care_episode') }}
    where transaction_time <= {{ as_of() }}
    union
    select service_type_code as code from {{ source('journal', 'care_decision') }}
    where transaction_time <= {{ as_of() }}
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
