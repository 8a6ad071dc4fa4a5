-- Drugs are told apart by their codes, at the deepest level that the classification has.
select
    cast(null as varchar) as service,
    covered.person_id,
    covered.year,
    covered.municipality_code,
    cast(null as varchar) as provider_key,
    cast(1 as double) as value
from {{ ref('msr_gp_residents') }} as covered
inner join {{ source('catalogue', 'years') }} as years on covered.year = years.year
inner join {{ source('catalogue', 'indicator_parameters') }} as lookback
    on
        lookback.indicator_id = 'polypharmacy_75plus_share'
        and lookback.parameter = 'lookback_days'
inner join {{ source('catalogue', 'indicator_parameters') }} as least_drugs
    on
        least_drugs.indicator_id = 'polypharmacy_75plus_share'
        and least_drugs.parameter = 'minimum_drugs'
inner join {{ ref('int_person_links') }} as links on covered.person_id = links.person_id
inner join {{ ref('stg_journal__prescription') }} as prescriptions
    on
        links.patient_key = prescriptions.patient_key
        and years.last_day >= prescriptions.authored_on
        and {{ days_between('prescriptions.authored_on', 'years.last_day') }} < lookback.value
group by covered.person_id, covered.year, covered.municipality_code, least_drugs.value
having count(distinct prescriptions.atc_code) >= least_drugs.value
