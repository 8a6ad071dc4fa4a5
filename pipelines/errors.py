"""Errors that a person can act on, and how they are told.

Belongs here: which errors carry a message meant for a terminal. Does not belong here: raising
them. Anything else is a defect and keeps its traceback.
"""

from __future__ import annotations

import importlib

from pydantic import ValidationError

SPOKEN = (
    ("anonymization.hierarchies", "HierarchyError"),
    ("anonymization.keys", "KeyAccessError"),
    ("anonymization.lattice", "LatticeTooLargeError"),
    ("anonymization.lattice", "NodeLimitError"),
    ("anonymization.microdata", "NoSolutionError"),
    ("anonymization.packing", "ColumnError"),
    ("anonymization.policies", "PolicyError"),
    ("anonymization.tables.errors", "ProtectionError"),
    ("anonymization.tables.errors", "TableError"),
    ("dashboards.data_access", "NothingPublishedError"),
    ("dashboards.profiles.sheet", "ProfileError"),
    ("pipelines.catalogue.loader", "CatalogueError"),
    ("pipelines.clients.population_register", "RegisterError"),
    ("pipelines.clients.bulk.errors", "ExportError"),
    ("pipelines.ingest", "IngestError"),
    ("pipelines.settings", "FolderError"),
    ("pipelines.ingest.views.flatten", "FlattenError"),
    ("pipelines.ingest.views", "ViewDefinitionError"),
    ("pipelines.operations", "RunError"),
    ("pipelines.demo", "DemoError"),
    ("pipelines.explain_figures", "ExplainError"),
    ("pipelines.publication.microdata_source", "MicrodataFileError"),
    ("pipelines.publication.table_files", "TableFileError"),
    ("pipelines.publication.ledger", "LedgerError"),
    ("pipelines.publication.standing", "ReleaseError"),
)


def message_of(error: Exception) -> str | None:
    """The message to print for an error, null when it is a defect and not a known refusal.

    Args:
        error: What was raised. Known errors name their subject and the next step, and never
            hold a person's data.
    """
    loaded = (
        getattr(importlib.import_module(module), name)
        for module, name in SPOKEN
        # An error whose module was never imported was not raised.
        if _is_loaded(module)
    )
    if isinstance(error, ValidationError):
        # What was given is left out: it may be anything.
        fields = (
            f"{'.'.join(map(str, entry['loc'])) or 'input'}: {entry['msg']}"
            for entry in error.errors(include_input=False, include_url=False, include_context=False)
        )
        return f"{error.title}: {'; '.join(fields)}. Mend it and try again."
    return str(error) if isinstance(error, tuple(loaded)) else None


def is_spoken(class_name: str) -> bool:
    """Whether errors of this class carry a message meant for a terminal.

    Args:
        class_name: Name of the class, without its module.
    """
    return class_name in {name for _, name in SPOKEN}


def _is_loaded(module: str) -> bool:
    import sys

    return module in sys.modules
