-- Diagnoses and prescriptions of covered residents: those in a code set of an indicator on general
-- practice, within that indicator's look-back up to 31 December. Whoever made or wrote them.
with code_sets as (
    select distinct
        code_sets.code_set,
        lookback.value as lookback_months
    from {{ source('catalogue', 'code_sets') }} as code_sets
    inner join {{ source('catalogue', 'indicators') }} as indicators
        on
            code_sets.indicator_id = indicators.indicator_id
            and indicators.service = 'gp'
    inner join {{ source('catalogue', 'indicator_parameters') }} as lookback
        on
            indicators.indicator_id = lookback.indicator_id
            and lookback.parameter = 'lookback_months'
),

wanted as (
    select
        code_sets.code_set,
        code_sets.lookback_months,
        members.code_system,
        members.code
    from code_sets
    inner join {{ ref('int_code_set_members') }} as members
        on code_sets.code_set = members.code_set
),

-- Few rows have a code of a set: the others are left before anything is joined with them.
events as (
    select
        condition_key as event_key,
        patient_key,
        code_system,
        code,
        recorded_on as event_on,
        provider_key
    from {{ ref('stg_journal__condition') }}
    where (code_system, code) in (
        select
            wanted.code_system,
            wanted.code
        from wanted
    )
    union all
    select
        prescription_key as event_key,
        patient_key,
        'atc' as code_system,
        atc_code as code,
        authored_on as event_on,
        provider_key
    from {{ ref('stg_journal__prescription') }}
    where atc_code in (
        select wanted.code
        from wanted
        where wanted.code_system = 'atc'
    )
)

select
    wanted.code_set,
    events.event_key,
    covered.person_id,
    covered.year,
    covered.municipality_code,
    events.event_on,
    events.provider_key
from events
inner join wanted
    on
        events.code_system = wanted.code_system
        and events.code = wanted.code
inner join {{ ref('int_person_links') }} as links on events.patient_key = links.patient_key
inner join {{ ref('msr_gp_residents') }} as covered on links.person_id = covered.person_id
inner join {{ source('catalogue', 'years') }} as years on covered.year = years.year
where
    events.event_on > {{ add_months('years.last_day', '-1 * wanted.lookback_months') }}
    and events.event_on <= years.last_day
