-- Decisions on services that begin with a visit at home, early enough in the year for the whole
-- follow-up to lie in it. Where the service ran already, the decision only prolongs it.
select
    decisions.decision_key,
    links.person_id,
    years.year,
    cast(extract(month from decisions.decided_on) as integer) as month,
    case when not persons.is_graded then decisions.municipality_code end as municipality_code,
    case decisions.service_type_code
        when '1' then 'practical_help'
        when '2' then 'training'
        when '15' then 'home_nursing'
    end as by_home_service,
    coalesce(
        {{ days_between('decisions.decided_on', 'decisions.first_service_on') }}
        <= follow_up.value,
        false
    ) as is_started_in_time
from {{ ref('stg_journal__care_decision') }} as decisions
inner join {{ ref('int_person_links') }} as links on decisions.patient_key = links.patient_key
inner join {{ ref('int_persons') }} as persons on links.person_id = persons.person_id
inner join {{ source('catalogue', 'years') }} as years
    on decisions.decided_on >= years.first_day and decisions.decided_on <= years.last_day
inner join {{ source('catalogue', 'indicator_parameters') }} as follow_up
    on
        follow_up.indicator_id = 'decision_to_first_visit_within_7_days_share'
        and follow_up.parameter = 'first_visit_within_days'
left join {{ ref('int_covered_spells') }} as covered
    on
        decisions.municipality_code = covered.municipality_code
        and covered.service = 'municipal_care'
        and decisions.decided_on >= covered.valid_from
        and decisions.decided_on < covered.valid_to
where
    decisions.status <> 'revoked'
    and {{ in_code_set('first_visit_services', "'iplos'", 'decisions.service_type_code') }}
    and {{ days_between('decisions.decided_on', 'years.last_day') }} >= follow_up.value
    and (
        decisions.first_service_on is null
        or decisions.first_service_on >= decisions.decided_on
    )
    and (persons.is_graded or covered.municipality_code is not null)
