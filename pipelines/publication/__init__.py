"""From exact counts to a signed release.

Belongs here: building the systems the table door protects, rates of what may be shown, the
release as files, and the ledger of what has been published. Does not belong here: the protection
itself (``anonymization``) and the statistics (``pipelines.epidemiology``).
"""
