-- All measures in one shape: a number per person, year and place. Whatever counts, counts from here.
{% for measure in measures() %}
    select
        '{{ measure }}' as measure_id,
        service,
        person_id,
        year,
        municipality_code,
        provider_key,
        value
    from {{ ref('msr_' ~ measure) }}
    {% if not loop.last %}union all{% endif %}
{% endfor %}
