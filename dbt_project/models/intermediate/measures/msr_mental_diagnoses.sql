{{ gp_residents_with("code_set = 'mental_diagnoses'") }}
