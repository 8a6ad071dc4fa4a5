"""Errors of ingest that a person can act on.

Belongs here: the common base, so that callers can tell a refusal from a defect.
Does not belong here: refusals of deliveries and files, which are results (``result``).
"""

from __future__ import annotations


class IngestError(RuntimeError):
    """An ingest cannot go on; the message says why and what to do, and holds no person's data."""


class IngestBusyError(IngestError):
    """Another ingest is writing to the same zones."""


class AccountingError(IngestError):
    """Delivered lines are not loaded and quarantined lines together: a fault of the program."""


class QuarantineError(IngestError):
    """Quarantined lines cannot be opened."""
