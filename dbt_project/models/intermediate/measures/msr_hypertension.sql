{{ diagnosed(
    'hypertension_controlled_share',
    in_code_set('hypertension_diagnoses', 'conditions.code_system', 'conditions.code')
) }}
