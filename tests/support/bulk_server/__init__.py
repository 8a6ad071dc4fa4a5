"""A FHIR Bulk Data server on loopback that misbehaves as it is told.

Belongs here: the server, its scripts, a place that must never be reached, and a naive client to
hold ours against. Does not belong here: what must hold (the tests).
"""
