-- Which person a resource is about: resources with one number are one person, and so are those
-- that replaced one another, to the last of them. Persons who have reserved themselves against
-- planning and steering are not among them, and so in no figure.
with recursive successions as (
    select
        patient_key,
        successor_key,
        1 as steps
    from {{ ref('stg_journal__patient_link') }}
    union all
    select
        successions.patient_key,
        links.successor_key,
        successions.steps + 1 as steps
    from successions
    inner join {{ ref('stg_journal__patient_link') }} as links
        on successions.successor_key = links.patient_key
    -- Resources that replace each other in a ring would have no last one.
    where successions.steps < 8 and links.successor_key <> successions.patient_key
),

last_successors as (
    select
        successions.patient_key,
        successors.person_id
    from successions
    inner join {{ ref('stg_journal__patient') }} as successors
        on successions.successor_key = successors.patient_key
    qualify row_number() over (
        partition by successions.patient_key
        order by successions.steps desc, successors.patient_key
    ) = 1
),

linked as (
    select
        patients.patient_key,
        coalesce(last_successors.person_id, patients.person_id) as person_id,
        last_successors.person_id is null as is_last
    from {{ ref('stg_journal__patient') }} as patients
    left join last_successors on patients.patient_key = last_successors.patient_key
),

latest_delivery as (
    select cast(max(transaction_time) as date) as known_on
    from {{ source('journal', 'delivery') }}
    where transaction_time <= {{ as_of() }}
),

reserved as (
    select distinct linked.person_id
    from linked
    inner join {{ ref('stg_journal__reservation') }} as reservations
        on linked.patient_key = reservations.patient_key
    left join latest_delivery on true
    where
        reservations.purpose = 'planning'
        and reservations.status = 'active'
        and (
            reservations.valid_to is null
            or reservations.valid_to > coalesce(latest_delivery.known_on, reservations.valid_from)
        )
)

select
    linked.patient_key,
    linked.person_id,
    -- The last of several stands for the person.
    row_number() over (
        partition by linked.person_id
        order by linked.is_last desc, linked.patient_key
    ) as standing
from linked
left join reserved on linked.person_id = reserved.person_id
where reserved.person_id is null
