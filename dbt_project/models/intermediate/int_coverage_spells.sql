-- When a service is live for a municipality, and for how much of it. Hospital shares add up as
-- hospitals go live one after another; a hospital outside the region never does.
with service_spells as (
    select
        municipality_code,
        service,
        valid_from,
        {{ open_end('valid_to') }} as valid_to,
        cast(1.0 as double) as live_share
    from {{ source('catalogue', 'service_spells') }}
),

hospital_steps as (
    select
        municipality_code,
        live_from as valid_from,
        sum(share) as added
    from {{ source('catalogue', 'hospital_shares') }}
    where live_from is not null
    group by municipality_code, live_from
),

hospital_spells as (
    select
        municipality_code,
        'hospital' as service,
        valid_from,
        coalesce(
            lead(valid_from) over (partition by municipality_code order by valid_from),
            cast('9999-12-31' as date)
        ) as valid_to,
        sum(added) over (partition by municipality_code order by valid_from) as live_share
    from hospital_steps
)

select * from service_spells
union all
select * from hospital_spells
