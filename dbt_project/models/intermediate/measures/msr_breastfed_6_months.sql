{{ persons_of('int_feeding_6_months', 'breastfed >= 1') }}
