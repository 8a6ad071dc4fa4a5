-- Which person a resource is about: resources with one number are one person, and so are those
-- that replaced one another, to the last of them. Persons who have reserved themselves against
-- planning and steering are not among them, and so in no figure.
with recursive replaced as (
    -- What is linked to and not delivered is known by its own key.
    select
        links.patient_key,
        links.successor_key,
        successors.person_id is not null as is_delivered,
        coalesce(patients.person_id, links.patient_key) as person_id,
        coalesce(successors.person_id, links.successor_key) as successor_id
    from {{ ref('stg_journal__patient_link') }} as links
    left join {{ ref('stg_journal__patient') }} as patients
        on links.patient_key = patients.patient_key
    left join {{ ref('stg_journal__patient') }} as successors
        on links.successor_key = successors.patient_key
),

-- From number to number: who shares one with what was replaced goes along.
steps as (
    select distinct
        replaced.person_id,
        replaced.successor_id
    from replaced
    left join {{ ref('stg_journal__patient_link') }} as onwards
        on replaced.successor_key = onwards.patient_key
    where
        replaced.person_id <> replaced.successor_id
        and (replaced.is_delivered or onwards.patient_key is not null)
),

-- A union without doubles ends where links go round in a ring.
successions as (
    select
        person_id,
        successor_id
    from steps
    union
    select
        successions.person_id,
        steps.successor_id
    from successions
    inner join steps on successions.successor_id = steps.person_id
),

-- A ring has no last one; the first by name stands for all that are in it or lead to it.
last_successors as (
    select
        successions.person_id,
        coalesce(
            min(case when onwards.person_id is null then successions.successor_id end),
            min(successions.successor_id)
        ) as last_id
    from successions
    left join steps as onwards on successions.successor_id = onwards.person_id
    group by successions.person_id
),

linked as (
    select
        patients.patient_key,
        coalesce(last_successors.last_id, patients.person_id) as person_id,
        last_successors.last_id is null and patients.patient_key not in (
            select replaced.patient_key from replaced
            where replaced.is_delivered
        ) as is_last
    from {{ ref('stg_journal__patient') }} as patients
    left join last_successors on patients.person_id = last_successors.person_id
),

latest_delivery as (
    select cast(max(transaction_time) as date) as known_on
    from {{ source('journal', 'delivery') }}
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
        order by linked.is_last desc, linked.patient_key asc
    ) as standing
from linked
left join reserved on linked.person_id = reserved.person_id
where reserved.person_id is null
