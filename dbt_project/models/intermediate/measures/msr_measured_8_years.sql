{{ persons_of('int_body_mass_at_eight', 'body_mass_index is not null') }}
