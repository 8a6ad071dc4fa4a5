-- Stays that ended on a covered day, counted where the municipality owed the care afterwards.
select
    stays.encounter_key,
    stays.person_id,
    stays.municipality_of_stay as municipality_code,
    cast(extract(year from stays.ended_on) as integer) as year,
    cast(extract(month from stays.ended_on) as integer) as month,
    stays.ended_on,
    notices.notice_on,
    {{ days_between('stays.started_on', 'stays.ended_on') }} as bed_days,
    {{ days_between('notices.notice_on', 'stays.ended_on') }} as waiting_days
from {{ ref('int_hospital_stays') }} as stays
left join {{ ref('int_ready_notices') }} as notices
    on stays.encounter_key = notices.encounter_key
left join {{ ref('int_covered_spells') }} as covered
    on
        stays.municipality_of_stay = covered.municipality_code
        and covered.service = 'hospital'
        and stays.ended_on >= covered.valid_from
        and stays.ended_on < covered.valid_to
where
    stays.status = 'finished'
    and stays.ended_on is not null
    and (stays.is_graded or covered.municipality_code is not null)
