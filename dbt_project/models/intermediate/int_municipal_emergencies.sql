-- What inhabitants used of the municipality's emergency services, where they lived on the day:
-- stays begun in emergency beds, and contacts with the out-of-hours service.
with events as (
    select
        patient_key,
        'bed_stay' as kind,
        start_on as happened_on
    from {{ ref('stg_journal__care_episode') }}
    where
        status in ('active', 'finished')
        and {{ in_code_set('municipal_emergency_beds', "'iplos'", 'service_type_code') }}
    union all
    select
        patient_key,
        'out_of_hours_contact' as kind,
        billed_on as happened_on
    from {{ ref('stg_journal__claim') }}
    where service = 'out_of_hours'
)

select
    links.person_id,
    events.kind,
    cast(extract(year from events.happened_on) as integer) as year,
    cast(extract(month from events.happened_on) as integer) as month,
    spells.municipality_code
from events
inner join {{ ref('int_person_links') }} as links on events.patient_key = links.patient_key
inner join {{ ref('int_residence_spells') }} as spells
    on
        links.person_id = spells.person_id
        and events.happened_on >= spells.valid_from
        and events.happened_on < spells.valid_to
left join {{ ref('int_covered_spells') }} as covered
    on
        spells.municipality_code = covered.municipality_code
        and covered.service = 'municipal_care'
        and events.happened_on >= covered.valid_from
        and events.happened_on < covered.valid_to
where spells.municipality_code is null or covered.municipality_code is not null
