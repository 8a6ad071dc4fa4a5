{{ gp_residents_with("code_set = 'asthma_diagnoses'") }}
