"""From a delivery in the inbox to pseudonymised rows in the restricted zone.

Belongs here: verify, parse, validate, minimise, pseudonymise, write; quarantine and the ledger of
deliveries. Does not belong here: finding deliveries (``pipelines.clients``), the pseudonyms
themselves (``anonymization``), anything that reads the restricted zone afterwards.
"""

from pipelines.ingest.errors import IngestBusyError, IngestError
from pipelines.ingest.export import export_lines
from pipelines.ingest.inbox import (
    PendingDelivery,
    pending_deliveries,
    refused_deliveries,
    take_in,
)
from pipelines.ingest.limits import Limits
from pipelines.ingest.one_delivery import Options
from pipelines.ingest.quarantine import quarantine_counts
from pipelines.ingest.release import Released, release_lines
from pipelines.ingest.restricted import ensure_schemas
from pipelines.ingest.result import DeliveryResult, FileResult
from pipelines.ingest.run import ingest_delivery, ingest_pending, ingest_refused

__all__ = [
    "DeliveryResult",
    "FileResult",
    "IngestBusyError",
    "IngestError",
    "Limits",
    "Options",
    "PendingDelivery",
    "Released",
    "ensure_schemas",
    "export_lines",
    "ingest_delivery",
    "ingest_pending",
    "ingest_refused",
    "pending_deliveries",
    "quarantine_counts",
    "refused_deliveries",
    "release_lines",
    "take_in",
]
