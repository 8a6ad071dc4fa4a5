{{ persons_of('int_feeding_6_months', 'breastfed is not null') }}
