-- A diagnosis, or a drug that has no other use.
{{ gp_residents_with("code_set = 'dementia_diagnoses' or code_set = 'dementia_drugs'") }}
