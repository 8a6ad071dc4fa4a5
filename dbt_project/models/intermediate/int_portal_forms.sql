-- Forms sent on a day when the portal was live where the person lived.
select
    forms.form_key,
    links.person_id,
    cast(extract(year from forms.sent_on) as integer) as year,
    cast(extract(month from forms.sent_on) as integer) as month,
    spells.municipality_code,
    coalesce(forms.answered_on <= forms.contact_on, false) as is_answered_in_time
from {{ ref('stg_journal__portal_form') }} as forms
inner join {{ ref('int_person_links') }} as links on forms.patient_key = links.patient_key
inner join {{ ref('int_residence_spells') }} as spells
    on
        links.person_id = spells.person_id
        and forms.sent_on >= spells.valid_from
        and forms.sent_on < spells.valid_to
left join {{ ref('int_covered_spells') }} as covered
    on
        spells.municipality_code = covered.municipality_code
        and covered.service = 'portal'
        and forms.sent_on >= covered.valid_from
        and forms.sent_on < covered.valid_to
where spells.municipality_code is null or covered.municipality_code is not null
