-- A class where a value was removed has no count: unknown is not zero.
select
    year,
    municipality_code,
    sex,
    age_from,
    age_to,
    count(*) as persons,
    case
        when max(case when diabetes_status = 'suppressed' then 1 else 0 end) = 0
            then cast(sum(case when diabetes then 1 else 0 end) as bigint)
    end as diabetes_persons,
    case
        when max(case when home_nursing_status = 'suppressed' then 1 else 0 end) = 0
            then cast(sum(case when home_nursing then 1 else 0 end) as bigint)
    end as home_nursing_persons,
    case
        when max(case when long_stay_status = 'suppressed' then 1 else 0 end) = 0
            then cast(sum(case when long_stay then 1 else 0 end) as bigint)
    end as long_stay_persons,
    case
        when max(case when emergency_stays_status = 'suppressed' then 1 else 0 end) = 0
            then cast(sum(case when emergency_stays > 0 then 1 else 0 end) as bigint)
    end as emergency_persons
from {{ ref('person_years') }}
group by year, municipality_code, sex, age_from, age_to
