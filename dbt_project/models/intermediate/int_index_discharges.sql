-- Discharges that a readmission is counted from: somatic, alive, home or to care, not a transfer,
-- and early enough in the year for the whole follow-up to lie in it.
with discharges as (
    select
        stays.encounter_key,
        stays.person_id,
        stays.ended_on,
        cast(extract(year from stays.ended_on) as integer) as year,
        stays.municipality_at_end as municipality_code
    from {{ ref('int_hospital_stays') }} as stays
    left join {{ ref('int_covered_spells') }} as covered
        on
            stays.municipality_at_end = covered.municipality_code
            and covered.service = 'hospital'
            and stays.ended_on >= covered.valid_from
            and stays.ended_on < covered.valid_to
    where
        stays.status = 'finished'
        and stays.service_type = 'somatic'
        and coalesce(stays.discharge_disposition, '') <> 'exp'
        and (
            extract(month from stays.ended_on) < 12
            or extract(day from stays.ended_on) = 1
        )
        and stays.is_resident_at_end
        and (stays.is_graded or covered.municipality_code is not null)
)

select
    discharges.encounter_key,
    discharges.person_id,
    discharges.year,
    discharges.municipality_code,
    max(
        case
            when
                later.priority_code = 'EM'
                and {{ days_between('discharges.ended_on', 'later.started_on') }} between 1 and 30
                then 1
            else 0
        end
    ) as is_readmitted
from discharges
left join {{ ref('int_hospital_stays') }} as later
    on
        discharges.person_id = later.person_id
        and discharges.encounter_key <> later.encounter_key
        and discharges.ended_on <= later.started_on
group by
    discharges.encounter_key,
    discharges.person_id,
    discharges.year,
    discharges.municipality_code
having sum(case when later.started_on = discharges.ended_on then 1 else 0 end) = 0
