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
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from pipelines.logs import logs_in
from pipelines.resources import DBT_FOLDER, environment, pseudonym_key
from pipelines.settings import ROOT, Settings, Zones, atomic_write, reference_dir

if TYPE_CHECKING:
    from dagster import DagsterInstance, ExecuteInProcessResult

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
        refused: What lies in the inbox and was not taken in, each with its reason.
    """

    swept: int
    ingested: int
    refined: bool
    release_id: str | None
    refused: tuple[str, ...] = ()


@contextmanager
def one_at_a_time(zones: Zones) -> Iterator[None]:
    """Keep two runs of one home apart.

    Args:
        zones: The zones.

    Raises:
        RunError: Another run holds the lock. A killed run holds none.
    """
    path = zones.state / "run.lock"
    with path.open("w") as handle, logs_in(zones):
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
        pending = list(pending_deliveries(zones, settings.inbox_url))
        if not pending and refined_release(zones) is not None:
            return RunReport(
                0,
                0,
                refined=False,
                release_id=refined_release(zones),
                refused=_refused(zones, settings.inbox_url),
            )
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
            # Noted before: what is edited while the run is under way is not in its candidate.
            inputs = input_fingerprint(zones)
            release_id = _candidate_of(_execute(instance, "refine"))
            remember_refined(zones, release_id, inputs)
        return RunReport(
            swept,
            len(partitions),
            refined=True,
            release_id=release_id,
            refused=_refused(zones, settings.inbox_url),
        )


def rebuild(settings: Settings, as_of: datetime) -> RunReport:
    """Make a release candidate as it could have been made at a moment in the past.

    Nothing is taken in. What was known then follows from the deliveries' transaction times. What
    a person has asked for since stays in force: a grading or reservation given later is not undone.

    Args:
        settings: Settings of this process.
        as_of: The moment, with its zone.

    Returns:
        What was done; the candidate is ready for a steward as any other.

    Raises:
        RunError: A step failed, nothing was known then, or another run is under way.
    """
    from pipelines.ingest.ledger import delivered_years
    from pipelines.instance import dagster_instance, sweep_dead_runs

    if as_of > datetime.now(UTC):
        raise RunError(
            f"{as_of.isoformat()} is yet to come: nobody knows what will have been known then. "
            "Choose a moment that has been."
        )
    zones = settings.zones.create()
    with (
        one_at_a_time(zones),
        environment({"FOLKEPULS_AS_OF": as_of.isoformat()}),
        dagster_instance(zones) as instance,
    ):
        if not delivered_years(zones, as_of):
            raise RunError(
                f"Nothing had been taken in as of {as_of.isoformat()}: no delivery has that "
                "transaction time or an earlier one. Choose a later moment."
            )
        swept = sweep_dead_runs(instance)
        # The candidate of what has been taken in is made anew by the next run.
        (zones.state / REFINED).unlink(missing_ok=True)
        result = _execute(instance, "refine")
        return RunReport(swept, 0, refined=True, release_id=_candidate_of(result))


def _refused(zones: Zones, inbox: str | None) -> tuple[str, ...]:
    """What was not taken in, whole deliveries and single files, with reasons."""
    from pipelines.ingest import refused_deliveries
    from pipelines.ingest.ledger import read_ledger

    whole = [
        f"{result.source}/{result.delivery}: {result.reason}: {result.detail}"
        for result in refused_deliveries(zones, inbox)
    ]
    files = [
        f"{entry.source}/{entry.delivery}/{file.name}: {file.refused_reason}: {file.refused_detail}"
        for entry in read_ledger(zones).values()
        for file in entry.files
        if file.state == "refused"
    ]
    return (*whole, *files)


def _ingest(instance: DagsterInstance, organisation: str, period: str) -> None:
    from pipelines.partitions import register

    _execute(instance, "ingest", str(register(instance, organisation, period)))


def _candidate_of(result: ExecuteInProcessResult) -> str:
    """Id of the candidate that a run of ``refine`` has made."""
    (made,) = (
        event.materialization.metadata["release_id"].value
        for event in result.all_events
        if event.is_step_materialization and "release_id" in event.materialization.metadata
    )
    return str(made)


def _execute(
    instance: DagsterInstance, job: str, partition: str | None = None
) -> ExecuteInProcessResult:
    from pipelines.definitions import assembled
    from pipelines.instance import process_tags

    result = (
        assembled()
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
        raise RunError(
            f"The job {job} stopped: {_what_failed(result)}. Nothing was published. Look at the "
            "run with `folkepuls dagster`, mend the cause, and run again: it continues from the "
            "last good state."
        )
    return result


def _what_failed(result: ExecuteInProcessResult) -> str:
    """The failed steps and the red checks.

    Only errors that are written for people pass their message on: a library's may quote what it
    was given.
    """
    from pipelines.errors import is_spoken

    told = []
    for event in result.all_events:
        error = event.step_failure_data.error if event.is_step_failure else None
        if error is None:
            continue
        cause = error.cause or error
        kind = cause.cls_name or "unknown"
        said = cause.message.partition(": ")[2].strip() if is_spoken(kind) else kind
        told.append(f"{event.step_key} ({said})")
    for check in result.get_asset_check_evaluations():
        if not check.passed:
            what = check.metadata.get("what")
            why = f": {what.value}" if what is not None else ""
            told.append(f"{check.asset_key.to_user_string()} {check.check_name}{why}")
    return "; ".join(told) or "for a reason that its log tells"


def take_in(settings: Settings, paths: list[Path], console: Console) -> int:
    """Copy deliveries to the inbox and take them in, one line per file.

    Args:
        settings: Settings of this process.
        paths: Deliveries, or folders that hold deliveries.
        console: Where the lines go.

    Returns:
        Number of deliveries and files that were refused.

    Raises:
        RunError: Another run is under way.
        IngestError: A path holds no delivery.
    """
    from pipelines.ingest import Options, ingest_pending
    from pipelines.ingest import take_in as copy_to_inbox

    zones = settings.zones.create()
    key = pseudonym_key(settings)
    with one_at_a_time(zones):
        copy_to_inbox(paths, zones)
        options = Options(threads=settings.threads, quarantine_key=key)
        results = ingest_pending(zones, key, options=options)
    refused = 0
    for result in results:
        if result.state == "refused":
            refused += 1
            console.print(
                f"  refused  {result.source}/{result.delivery}: {result.reason}: {result.detail}",
                style="red",
                markup=False,
            )
        if result.unlisted_files:
            console.print(
                f"  not read {result.source}/{result.delivery}: {result.unlisted_files} files that "
                "its manifest does not name. List them there, and deliver it anew",
                style="yellow",
                markup=False,
            )
        for file in result.files:
            refused += file.state == "refused"
            told = f"{file.loaded_rows} loaded, {file.quarantined_rows} in quarantine"
            why = f" {file.reason}: {file.detail}" if file.reason else ""
            if file.unexpected_fields:
                told += f"; new and not taken: {', '.join(file.unexpected_fields)}"
            console.print(
                f"  {file.state:<8} {result.delivery}/{file.name}: {told}{why}",
                style="red" if file.state == "refused" else None,
                markup=False,
            )
    if not results:
        console.print("Nothing new.")
    if any(file.quarantined_rows for result in results for file in result.files):
        console.print("Why lines are in quarantine: folkepuls quarantine list")
    if any(result.state == "committed" for result in results):
        console.print("Make a release candidate of what is taken in with: folkepuls run")
    standing = _refused(zones, settings.inbox_url)
    just_told = tuple(f"{result.source}/{result.delivery}" for result in results)
    earlier = [
        refusal
        for refusal in standing
        if not refusal.startswith(tuple(f"{each}{end}" for each in just_told for end in ":/"))
    ]
    if earlier:
        console.print(
            f"Refused before, and not mended: {len(earlier)} deliveries and files. Look at them "
            "with: folkepuls quarantine list",
            style="yellow",
        )
    return refused


def publish_release(settings: Settings, release_id: str) -> Path:
    """Publish an approved candidate.

    Args:
        settings: Settings of this process.
        release_id: The candidate.

    Returns:
        Folder of the published release.

    Raises:
        RunError: Another run is under way.
        ReleaseError: There is no such candidate, it is not approved, or its audit is red.
        LedgerError: It cannot stand beside an earlier release.
    """
    from pipelines.assets.release import verified
    from pipelines.instance import dagster_instance
    from pipelines.publication.release import awaiting_publication, publish

    zones = settings.zones.create()
    with one_at_a_time(zones), dagster_instance(zones) as instance:
        if release_id in awaiting_publication(zones):
            _execute(instance, "publish")
        # Also where it was published before: readers are pointed to the one that was asked for.
        return publish(zones, release_id, verified)


def input_fingerprint(zones: Zones) -> str:
    """SHA-256 over all that a candidate is made of: deliveries, register, settings, models, code.

    Args:
        zones: The zones.
    """
    digest = hashlib.sha256(version("folkepuls").encode())
    files = [path for folder in CODE_FOLDERS for path in _files(folder)]
    registers = sorted(zones.register.glob("*/provenance.json"))
    settings = Settings()
    chosen = (settings.population_register, settings.public_denominators, settings.border_set)
    digest.update(" ".join(chosen).encode())
    for path in [*files, *sorted(zones.deliveries.glob("*.json")), *registers]:
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


def remember_refined(zones: Zones, release_id: str, inputs: str) -> None:
    """Note which candidate is made of what.

    Args:
        zones: The zones.
        release_id: The candidate.
        inputs: ``input_fingerprint`` when its making began.
    """
    with atomic_write(zones.state / REFINED) as path:
        state = {"inputs": inputs, "release_id": release_id}
        path.write_text(json.dumps(state))
