{# Of the persons of a measure, those with an assessment in the year; their unit stays the same. #}
{% macro assessed_among(users, assessment) -%}
select
    users.service,
    users.person_id,
    users.year,
    users.municipality_code,
    users.provider_key,
    users.value
from {{ ref('msr_' ~ users) }} as users
inner join {{ ref('int_care_assessments') }} as assessments
    on
        users.person_id = assessments.person_id
        and users.year = assessments.year
        and assessments.assessment = '{{ assessment }}'
{%- endmacro %}
