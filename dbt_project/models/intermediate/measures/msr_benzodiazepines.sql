{{ gp_residents_with("code_set = 'benzodiazepines'") }}
