{{ persons_of('int_mmr_doses', 'doses >= 1') }}
