-- A diagnosis decides. Drugs alone count only with two dates, at least one drug that is not also
-- used for weight, heart or kidney, and no pregnancy diabetes or polycystic ovaries on record.
with recorded as (
    select
        person_id,
        year,
        municipality_code,
        sum(case when code_set = 'diabetes_diagnoses' then 1 else 0 end) as diagnoses,
        sum(case when code_set = 'diabetes_exclusions' then 1 else 0 end) as exclusions,
        sum(case when code_set = 'diabetes_drugs' then 1 else 0 end) as drugs,
        sum(case when code_set = 'diabetes_drugs_not_alone' then 1 else 0 end) as drugs_not_alone,
        count(distinct case when code_set = 'diabetes_drugs' then event_on end) as drug_dates
    from {{ ref('int_gp_events') }}
    group by person_id, year, municipality_code
)

select
    cast(null as varchar) as service,
    recorded.person_id,
    recorded.year,
    recorded.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from recorded
inner join {{ source('catalogue', 'indicator_parameters') }} as least_dates
    on
        least_dates.indicator_id = 'diabetes_type2_prevalence'
        and least_dates.parameter = 'minimum_prescriptions'
where
    recorded.diagnoses > 0
    or (
        recorded.drug_dates >= least_dates.value
        and recorded.drugs > recorded.drugs_not_alone
        and recorded.exclusions = 0
    )
