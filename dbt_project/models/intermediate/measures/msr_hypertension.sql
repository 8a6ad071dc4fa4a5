{{ gp_residents_with("code_set = 'hypertension_diagnoses'") }}
