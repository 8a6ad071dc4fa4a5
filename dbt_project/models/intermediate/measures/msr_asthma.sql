{{ diagnosed(
    'asthma_prevalence',
    in_code_set('asthma_diagnoses', 'conditions.code_system', 'conditions.code')
) }}
