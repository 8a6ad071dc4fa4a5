"""The only place where the parts of the pipeline come together.

Belongs here: the list of assets, checks, jobs, schedules, sensors and resources. Does not belong
here: any of their content.
"""

from __future__ import annotations

import os
from functools import cache
from itertools import starmap
from pathlib import Path

import structlog
from dagster import Definitions, definitions, in_process_executor

from pipelines.assets.doors import strata_map
from pipelines.assets.exports import export_asset
from pipelines.assets.journal import inbox, journal
from pipelines.assets.microdata import microdata_assets
from pipelines.assets.quality import journal_quality
from pipelines.assets.register import population, register_quality
from pipelines.assets.release import published_release, release_candidate
from pipelines.assets.warehouse import catalogue_asset, dbt_models
from pipelines.catalogue.loader import CatalogueError
from pipelines.catalogue.profiles import SourceProfile, list_profiles, load_profile
from pipelines.export_sensor import export_sensor
from pipelines.jobs import export_job, ingest_job, publish_job, refine_job, register_job
from pipelines.progress import progress_logger
from pipelines.resources import FolkepulsResource
from pipelines.schedules import export_schedule, monthly_register, nightly_refine
from pipelines.sensors import inbox_sensor, signature_sensor
from pipelines.settings import Settings

log = structlog.get_logger(__name__)


@cache
def assembled() -> Definitions:
    """Everything Dagster knows; built once per process, since dbt's manifest is read for it."""
    # Engines make files of their own; they are their owner's alone, whoever started the process.
    os.umask(0o077)
    profiles = _profiles(Settings().profiles_folder)
    exports = [(profile, export_job(profile)) for profile in profiles]
    return Definitions(
        assets=[
            *map(export_asset, profiles),
            *inbox(profiles),
            journal,
            journal_quality,
            catalogue_asset,
            *dbt_models(Settings()),
            population,
            register_quality,
            strata_map,
            *microdata_assets(),
            release_candidate,
            published_release,
        ],
        jobs=[ingest_job, refine_job, register_job, publish_job, *(job for _, job in exports)],
        schedules=[nightly_refine, monthly_register, *starmap(export_schedule, exports)],
        sensors=[inbox_sensor, signature_sensor, *starmap(export_sensor, exports)],
        resources={"folkepuls": FolkepulsResource()},
        executor=in_process_executor,
        loggers={"progress": progress_logger},
    )


def _profiles(folder: Path) -> list[SourceProfile]:
    """The site's profiles; one that is wrong is left out and told, or nothing at all would run."""
    found = []
    for path in list_profiles(folder):
        try:
            found.append(load_profile(path))
        except CatalogueError as error:
            log.error("profile_left_out", profile=path.stem, problem=str(error))
    return found


@definitions
def defs() -> Definitions:
    """What Dagster loads when it is given this module."""
    return assembled()
