{#
  The restricted tables hold every version of every resource that was ever delivered. What was
  known at a moment follows from them by transaction time alone, never by order of arrival: so a
  release can be made again as of its date.
#}

{# The moment whose knowledge counts; unless it is set, everything does. #}
{% macro as_of() -%}
    cast('{{ env_var("FOLKEPULS_AS_OF", "9999-12-31 00:00:00+00") }}' as timestamp with time zone)
{%- endmacro %}

{# All that is known by now, whatever moment is asked for. #}
{% macro today() -%}
    cast('9999-12-31 00:00:00+00' as timestamp with time zone)
{%- endmacro %}

{# Resource type whose key a table's rows carry, by which deletions name it. #}
{% macro resource_type(table) -%}
{{ return({
    'patient': 'Patient',
    'encounter': 'Encounter',
    'condition': 'Condition',
    'care_episode': 'EpisodeOfCare',
    'message': 'Communication',
    'prescription': 'MedicationRequest',
    'journal_entry': 'DocumentReference',
    'portal_session': 'AuditEvent',
    'portal_form': 'Task',
    'staff': 'PractitionerRole',
    'gp_office': 'Organization',
    'observation': 'Observation',
    'procedure': 'Procedure',
    'immunization': 'Immunization',
    'care_decision': 'ServiceRequest',
    'bed_capacity': 'Location',
    'reservation': 'Consent',
    'migration_count': 'MeasureReport',
    'claim': 'Claim',
}[table]) }}
{%- endmacro %}

{#
  Rows of a table that were known, as CTEs to begin a model with; the last is `known`. A complete
  full delivery stands for everything its organisation holds of a table, or holds of the persons of
  a cohort: what came before, or came before of the cohort, is gone.
#}
{% macro known_rows(table, moment=none) -%}
deliveries as (
    select
        source,
        delivery,
        organisation,
        cohort,
        kind = 'full' and is_complete as stands_for_all,
        transaction_time
    from {{ source('journal', 'delivery') }}
    where
        table_name = '{{ table }}'
        and transaction_time <= {{ moment or as_of() }}
),

full_deliveries as (
    select
        source,
        organisation,
        cohort,
        max(transaction_time) as full_at
    from deliveries
    where stands_for_all
    group by source, organisation, cohort
),

known as (
    select rows.*
    from {{ source('journal', table) }} as rows
    left join deliveries
        on
            rows.source = deliveries.source
            and rows.delivery = deliveries.delivery
    left join full_deliveries as of_all
        on
            deliveries.source = of_all.source
            and deliveries.organisation = of_all.organisation
            and of_all.cohort is null
    left join full_deliveries as of_cohort
        on
            deliveries.source = of_cohort.source
            and deliveries.organisation = of_cohort.organisation
            and deliveries.cohort = of_cohort.cohort
    where
        rows.transaction_time <= {{ moment or as_of() }}
        and (of_all.full_at is null or rows.transaction_time >= of_all.full_at)
        and (of_cohort.full_at is null or rows.transaction_time >= of_cohort.full_at)
)
{%- endmacro %}

{#
  The version of each resource that was known last: by the manifest's transaction time, then by
  the delivery's name. A resource that its organisation deleted at that time or later is not
  among them; nobody deletes what another organisation holds.
#}
{% macro latest_version(table, key, moment=none) -%}
with
{{ known_rows(table, moment) }},

deleted as (
    select
        deletions.source,
        deletions.resource_key,
        senders.organisation,
        max(deletions.transaction_time) as deleted_at
    from {{ source('journal', 'deletion') }} as deletions
    left join {{ source('journal', 'delivery') }} as senders
        on
            deletions.source = senders.source
            and deletions.delivery = senders.delivery
            and senders.table_name = 'deletion'
    where
        deletions.resource_type = '{{ resource_type(table) }}'
        and deletions.transaction_time <= {{ moment or as_of() }}
    group by deletions.source, deletions.resource_key, senders.organisation
)

select known.*
from known
left join deliveries as of_known
    on
        known.source = of_known.source
        and known.delivery = of_known.delivery
left join deleted
    on
        known.{{ key }} = deleted.resource_key
        and known.source = deleted.source
        and coalesce(of_known.organisation, '') = coalesce(deleted.organisation, '')
where deleted.deleted_at is null or known.transaction_time > deleted.deleted_at
qualify row_number() over (
    partition by known.{{ key }}
    order by known.transaction_time desc, known.delivery desc
) = 1
{%- endmacro %}

{# Rows that came with each person's latest version, and none of an older one. #}
{% macro of_latest_patient(table) -%}
with latest_patient as (
    {{ latest_version('patient', 'patient_key') }}
)

select rows.*
from {{ source('journal', table) }} as rows
inner join latest_patient
    on
        rows.patient_key = latest_patient.patient_key
        and rows.delivery = latest_patient.delivery
        and rows.source = latest_patient.source
{%- endmacro %}
