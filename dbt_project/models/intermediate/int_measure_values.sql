-- All measures in one shape: a number per person, year and place, and month where it is dated. Whatever counts, counts from here.
{% for measure in measures() %}
    select
        '{{ measure }}' as measure_id,
        service,
        person_id,
        year,
        {% if measure in dated_measures() %}month{% else %}cast(null as integer) as month{% endif %},
        municipality_code,
        provider_key,
        value
    from {{ ref('msr_' ~ measure) }}
    {% if not loop.last %}union all{% endif %}
{% endfor %}
