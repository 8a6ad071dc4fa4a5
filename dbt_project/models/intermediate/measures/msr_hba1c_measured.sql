{{ persons_of('int_last_hba1c', 'hba1c is not null') }}
