-- Contacts with hospitals begun on a covered day of the municipality of residence: stays, outpatient
-- contacts and emergency rooms.
select
    encounters.encounter_key,
    links.person_id,
    encounters.class_code,
    encounters.priority_code,
    encounters.service_type,
    encounters.started_on,
    cast(extract(year from encounters.started_on) as integer) as year,
    spells.municipality_code
from {{ ref('stg_journal__encounter') }} as encounters
inner join {{ ref('int_person_links') }} as links
    on encounters.patient_key = links.patient_key
inner join {{ ref('int_residence_spells') }} as spells
    on
        links.person_id = spells.person_id
        and encounters.started_on >= spells.valid_from
        and encounters.started_on < spells.valid_to
left join {{ ref('int_covered_spells') }} as covered
    on
        spells.municipality_code = covered.municipality_code
        and covered.service = 'hospital'
        and encounters.started_on >= covered.valid_from
        and encounters.started_on < covered.valid_to
where spells.municipality_code is null or covered.municipality_code is not null
