"""From a delivery in the inbox to pseudonymised rows in the restricted zone.

Belongs here: verify, parse, validate, minimise, pseudonymise, write; quarantine and the ledger of
deliveries. Does not belong here: finding deliveries (``pipelines.clients``), the pseudonyms
themselves (``anonymization``), anything that reads the restricted zone afterwards.
"""
