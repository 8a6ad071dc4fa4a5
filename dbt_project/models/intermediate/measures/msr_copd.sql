{{ gp_residents_with("code_set = 'copd_diagnoses'") }}
