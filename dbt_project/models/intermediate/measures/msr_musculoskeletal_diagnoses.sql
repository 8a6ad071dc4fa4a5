{{ gp_residents_with("code_set = 'musculoskeletal_diagnoses'") }}
