-- Days the municipality pays for: from the day of the notice in force to the day of its first offer
-- after that, and to the discharge where no offer came before it. No offer on the day itself is a no:
-- a municipality that declines and one that does not answer look alike.
with offers as (
    select
        encounter_key,
        sent_on as offered_on
    from {{ ref('stg_journal__message') }}
    where message_type = 'tilbud-klart'
)

select
    stays.encounter_key,
    stays.person_id,
    stays.municipality_code,
    stays.year,
    stays.month,
    least(
        stays.waiting_days,
        coalesce(
            min({{ days_between('stays.notice_on', 'offers.offered_on') }}), stays.waiting_days
        )
    ) as payable_days
from {{ ref('int_finished_stays') }} as stays
left join offers
    on
        stays.encounter_key = offers.encounter_key
        and stays.notice_on <= offers.offered_on
where stays.notice_on is not null
group by
    stays.encounter_key,
    stays.person_id,
    stays.municipality_code,
    stays.year,
    stays.month,
    stays.waiting_days
