-- Messages sent on a day when the municipality was live, whether they went through or were rejected.
with sent as (
    select
        message_key,
        patient_key,
        municipality_code,
        sent_on,
        false as is_rejected
    from {{ ref('stg_journal__message') }}
    union all
    select
        message_key,
        patient_key,
        municipality_code,
        sent_on,
        true as is_rejected
    from {{ ref('stg_journal__rejected_message') }}
)

select
    sent.message_key,
    links.person_id,
    cast(extract(year from sent.sent_on) as integer) as year,
    cast(extract(month from sent.sent_on) as integer) as month,
    sent.municipality_code,
    sent.is_rejected
from sent
inner join {{ ref('int_person_links') }} as links on sent.patient_key = links.patient_key
left join {{ ref('int_covered_spells') }} as covered
    on
        sent.municipality_code = covered.municipality_code
        and covered.service = 'municipal_care'
        and sent.sent_on >= covered.valid_from
        and sent.sent_on < covered.valid_to
where sent.municipality_code is null or covered.municipality_code is not null
