-- Emergency stays begun on a covered day of the municipality of residence.
select
    stays.encounter_key,
    stays.person_id,
    stays.started_on,
    cast(extract(year from stays.started_on) as integer) as year,
    stays.municipality_at_start as municipality_code
from {{ ref('int_hospital_stays') }} as stays
left join {{ ref('int_covered_spells') }} as covered
    on
        stays.municipality_at_start = covered.municipality_code
        and covered.service = 'hospital'
        and stays.started_on >= covered.valid_from
        and stays.started_on < covered.valid_to
where
    stays.priority_code = 'EM'
    and stays.is_resident_at_start
    and (stays.is_graded or covered.municipality_code is not null)
