"""The jobs: take deliveries in, and make a release candidate of what has been taken in.

Belongs here: which assets run together. Does not belong here: when (``schedules``, ``sensors``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster import AssetSelection, define_asset_job, in_process_executor

from pipelines.assets import exports
from pipelines.catalogue.profiles import SourceProfile
from pipelines.partitions import export_key

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition as ExportJob,
    )

INGEST = "ingest"
REFINE = "refine"
PUBLISH = "publish"
REGISTER = "register"

ingest_job = define_asset_job(
    INGEST,
    selection=AssetSelection.groups("journal"),
    executor_def=in_process_executor,
    description="Take one organisation's deliveries about one period through the pseudonym door.",
)

refine_job = define_asset_job(
    REFINE,
    selection=AssetSelection.all()
    - AssetSelection.groups("journal")
    - AssetSelection.groups("published")
    - AssetSelection.groups(exports.GROUP),
    executor_def=in_process_executor,
    description="Check, model, protect: from the restricted journal to a release candidate.",
)

register_job = define_asset_job(
    REGISTER,
    selection=AssetSelection.groups("register"),
    executor_def=in_process_executor,
    description="Bring up the population register that is configured.",
)

publish_job = define_asset_job(
    PUBLISH,
    selection=AssetSelection.groups("published"),
    executor_def=in_process_executor,
    description="Publish the candidates that a steward has approved.",
)


def export_job(profile: SourceProfile) -> ExportJob:
    """The job that exports one cohort shard of a source profile.

    Args:
        profile: The profile.
    """
    key = export_key(profile)
    return define_asset_job(
        "_".join(key.path),
        selection=AssetSelection.assets(key),
        executor_def=in_process_executor,
        description=f"Export one cohort shard from {profile.base_origin} into the inbox.",
    )
