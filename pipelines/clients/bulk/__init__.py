"""The FHIR Bulk Data client: from a source profile to a delivery, proven complete.

Belongs here: asking a FHIR server for an export and turning it into a delivery folder. Does not
belong here: what is in the resources, and when to ask. Imported from here: ``run_export`` and what
it takes and gives, ``examine`` (what a server says it can do), and the errors.
"""

from pipelines.clients.bulk.capability import Answer, examine
from pipelines.clients.bulk.errors import ExportError, NotReadyError
from pipelines.clients.bulk.export import Event, Exported, Options, run_export

__all__ = [
    "Answer",
    "Event",
    "ExportError",
    "Exported",
    "NotReadyError",
    "Options",
    "examine",
    "run_export",
]
