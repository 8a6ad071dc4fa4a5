{{ diagnosed(
    'copd_prevalence_45plus',
    in_code_set('copd_diagnoses', 'conditions.code_system', 'conditions.code')
) }}
