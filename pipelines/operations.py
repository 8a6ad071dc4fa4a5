"""What the command line does, without the command line: ingest, refine, publish.

Belongs here: the order of jobs, the lock that keeps runs apart, and what counts as nothing to do.
Does not belong here: how a result is printed (``cli``) and what a step does (``assets``).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.resources import DBT_FOLDER, pseudonym_key
from pipelines.settings import ROOT, Settings, Zones, atomic_write, reference_dir

if TYPE_CHECKING:
    from dagster import DagsterInstance

REFINED = "refined.json"
CODE_FOLDERS = (ROOT / "pipelines", ROOT / "anonymization", DBT_FOLDER, reference_dir())


class RunError(RuntimeError):
    """A run could not begin or did not end well; the message says what to do."""


@dataclass(frozen=True)
class RunReport:
    """What a run did.

    Attributes:
        swept: Dead runs reported as failed before this one began.
        ingested: Partitions (organisation and period) taken in.
        refined: A release candidate was made; false when there was nothing new.
        release_id: The candidate of what has been taken in.
    """

    swept: int
    ingested: int
    refined: bool
    release_id: str | None


@contextmanager
def one_at_a_time(zones: Zones) -> Iterator[None]:
    """Keep two runs of one home apart.

    Args:
        zones: The zones.

    Raises:
        RunError: Another run holds the lock. A killed run holds none.
    """
    path = zones.state / "run.lock"
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"Another run is under way in {zones.home}. Wait for it, or set FOLKEPULS_HOME "
                "to work elsewhere."
            ) from None
        yield


def run(settings: Settings) -> RunReport:
    """Take in what waits, and make a release candidate of all that has been taken in.

    Args:
        settings: Settings of this process.

    Returns:
        What was done. With nothing new it returns without loading Dagster's code location.

    Raises:
        RunError: A step failed, or another run is under way.
        KeyAccessError: There is no pseudonym key.
    """
    from pipelines.ingest import pending_deliveries
    from pipelines.ingest.ledger import delivered_years

    zones = settings.zones.create()
    pseudonym_key(settings)
    with one_at_a_time(zones):
        pending = list(pending_deliveries(zones))
        if not pending and refined_release(zones) is not None:
            return RunReport(0, 0, refined=False, release_id=refined_release(zones))
        from pipelines.instance import dagster_instance, sweep_dead_runs

        with dagster_instance(zones) as instance:
            swept = sweep_dead_runs(instance)
            keys = [(d.delivering_organisation, d.period_start.isoformat()) for d in pending]
            partitions = list(dict.fromkeys(keys))
            for organisation, period in partitions:
                _ingest(instance, organisation, period)
            if not delivered_years(zones):
                raise RunError(
                    f"Nothing has been taken in: {zones.inbox} holds no delivery that could be "
                    "loaded. Put one there, or run `folkepuls synth`."
                )
            _execute(instance, "refine")
        return RunReport(swept, len(partitions), refined=True, release_id=refined_release(zones))


def _ingest(instance: DagsterInstance, organisation: str, period: str) -> None:
    from pipelines.partitions import register

    _execute(instance, "ingest", str(register(instance, organisation, period)))


def _execute(instance: DagsterInstance, job: str, partition: str | None = None) -> None:
    from pipelines.definitions import defs
    from pipelines.instance import process_tags

    result = (
        defs()
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance,
            partition_key=partition,
            tags=process_tags(),
            run_config={"loggers": {"progress": {}}},
            raise_on_error=False,
        )
    )
    if not result.success:
        steps = ", ".join(
            event.step_key or "run" for event in result.all_events if event.is_step_failure
        )
        raise RunError(
            f"The job {job} stopped at: {steps or 'a blocking check'}. Nothing was published. Look "
            "at the run with `folkepuls dagster`, mend the cause, and run again: it continues from "
            "the last good state."
        )


def input_fingerprint(zones: Zones) -> str:
    """SHA-256 over everything a candidate is made of: deliveries, catalogue, models and code.

    Args:
        zones: The zones.
    """
    digest = hashlib.sha256(version("folkepuls").encode())
    files = [path for folder in CODE_FOLDERS for path in _files(folder)]
    for path in [*files, *sorted(zones.deliveries.glob("*.json"))]:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in {".py", ".sql", ".yml", ".json", ".csv"} and "target" not in path.parts
    )


def refined_release(zones: Zones) -> str | None:
    """Id of the candidate made of exactly what lies here now, null when something is newer.

    Args:
        zones: The zones.
    """
    path = zones.state / REFINED
    if not path.is_file():
        return None
    state = json.loads(path.read_text())
    release_id = str(state["release_id"])
    fits = state["inputs"] == input_fingerprint(zones)
    return release_id if fits and (zones.releases / release_id).is_dir() else None


def remember_refined(zones: Zones, release_id: str) -> None:
    """Note which candidate is made of what lies here now.

    Args:
        zones: The zones.
        release_id: The candidate.
    """
    with atomic_write(zones.state / REFINED) as path:
        state = {"inputs": input_fingerprint(zones), "release_id": release_id}
        path.write_text(json.dumps(state))
