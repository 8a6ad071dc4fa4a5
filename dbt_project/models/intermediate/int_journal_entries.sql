-- Entries recorded on a day when the municipality documented in the shared journal.
select
    entries.entry_key,
    links.person_id,
    cast(extract(year from entries.recorded_on) as integer) as year,
    cast(extract(month from entries.recorded_on) as integer) as month,
    entries.municipality_code,
    entries.staff_key,
    entries.service as by_service,
    entries.device as by_device,
    entries.form = 'structured' as is_structured,
    coalesce(entries.event_on = entries.recorded_on, false) as is_same_day
from {{ ref('stg_journal__journal_entry') }} as entries
inner join {{ ref('int_person_links') }} as links on entries.patient_key = links.patient_key
left join {{ ref('int_covered_spells') }} as covered
    on
        entries.municipality_code = covered.municipality_code
        and covered.service = 'documentation'
        and entries.recorded_on >= covered.valid_from
        and entries.recorded_on < covered.valid_to
where entries.municipality_code is null or covered.municipality_code is not null
