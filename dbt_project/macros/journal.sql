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

-- Of each delivery at once, so that rows are looked up in one short list only.
sent as (
    select
        deliveries.source,
        deliveries.delivery,
        deliveries.organisation as sender,
        greatest(of_all.full_at, of_cohort.full_at) as known_from
    from deliveries
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
),

known as (
    select
        rows.*,
        sent.sender
    from {{ source('journal', table) }} as rows
    left join sent
        on
            rows.source = sent.source
            and rows.delivery = sent.delivery
    where
        rows.transaction_time <= {{ moment or as_of() }}
        and (sent.known_from is null or rows.transaction_time >= sent.known_from)
)
{%- endmacro %}

{# Column that a table's resources are told apart by; tables without one come with their person. #}
{% macro resource_keys() -%}
{{ return({
    'patient': 'patient_key',
    'encounter': 'encounter_key',
    'condition': 'condition_key',
    'care_episode': 'episode_key',
    'message': 'message_key',
    'prescription': 'prescription_key',
    'journal_entry': 'entry_key',
    'portal_session': 'session_key',
    'portal_form': 'form_key',
    'staff': 'staff_key',
    'gp_office': 'gp_office_key',
    'observation': 'observation_key',
    'procedure': 'procedure_key',
    'immunization': 'immunization_key',
    'care_decision': 'decision_key',
    'bed_capacity': 'capacity_key',
    'reservation': 'reservation_key',
    'migration_count': 'report_key',
    'claim': 'claim_key',
}) }}
{%- endmacro %}

{#
  Known rows of resources that were not deleted since, as CTEs; the last is `standing`. A resource
  that its organisation deleted at the time of a version or later is not among them; nobody deletes
  what another organisation holds.
#}
{% macro standing_rows(table, moment=none) -%}
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
),

{{ known_rows(table, moment) }},

standing as (
    select known.*
    from known
    left join deleted
        on
            known.{{ resource_keys()[table] }} = deleted.resource_key
            and known.source = deleted.source
            and coalesce(known.sender, '') = coalesce(deleted.organisation, '')
    where deleted.deleted_at is null or known.transaction_time > deleted.deleted_at
)
{%- endmacro %}

{# Versions of a resource, the one that was known last first: by the manifest's transaction time. #}
{% macro latest_first(key) -%}
row_number() over (
    partition by {{ key }}
    order by transaction_time desc, delivery desc, source desc
)
{%- endmacro %}

{#
  Which standing rows of a table a later version of their resource has replaced. Most resources come
  once, and are told from the others by number: ordering all versions of all would cost far more.
#}
{% macro superseded_rows(table, key) -%}
with
{{ standing_rows(table) }},

ranked as (
    select
        {{ key }} as resource_key,
        source,
        delivery,
        {{ latest_first(key) }} as place
    from standing
    where
        {{ key_number(key) }} in (
            select several.number from {{ ref('base_journal__redelivered') }} as several
        )
)

select
    '{{ table }}' as table_name,
    resource_key,
    source,
    delivery
from ranked
where place > 1
{%- endmacro %}

{# The version of each resource that was known last: of one delivery, a resource is there once. #}
{% macro latest_version(table) -%}
with
{{ standing_rows(table) }}

select standing.*
from standing
left join {{ ref('base_journal__superseded') }} as superseded
    on
        superseded.table_name = '{{ table }}'
        and standing.{{ resource_keys()[table] }} = superseded.resource_key
        and standing.source = superseded.source
        and standing.delivery = superseded.delivery
where superseded.resource_key is null
{%- endmacro %}

{# The version of each resource that is known now, also where a release of the past is made. #}
{% macro version_of_today(table) -%}
with
{{ standing_rows(table, today()) }}

select standing.*
from standing
qualify {{ latest_first('standing.' ~ resource_keys()[table]) }} = 1
{%- endmacro %}

{# Rows that came with each person's latest version, and none of an older one. #}
{% macro of_latest_patient(table) -%}
with latest_patient as (
    {{ latest_version('patient') }}
)

select rows.*
from {{ source('journal', table) }} as rows
inner join latest_patient
    on
        rows.patient_key = latest_patient.patient_key
        and rows.delivery = latest_patient.delivery
        and rows.source = latest_patient.source
{%- endmacro %}
