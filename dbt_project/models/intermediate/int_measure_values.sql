-- All measures in one shape: a number per person, year and place, month where it is dated, and value of each split that it carries. Whatever counts, counts from here.
{% for measure in measures() %}
    select
        '{{ measure }}' as measure_id,
        service,
        person_id,
        year,
        {% if measure in dated_measures() %}month{% else %}cast(null as integer) as month{% endif %},
        municipality_code,
        provider_key,
        {% for split, carriers in split_measures().items() %}
            {% if measure in carriers %}by_{{ split }}{% else %}cast(null as varchar) as by_{{ split }}{% endif %},
        {% endfor %}
        value
    from {{ ref('msr_' ~ measure) }}
    {% if not loop.last %}union all{% endif %}
{% endfor %}
