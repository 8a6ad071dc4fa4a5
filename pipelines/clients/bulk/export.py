"""An export from the order to the delivery: the order of its steps.

Belongs here: which step follows which, what is remembered between them, what happens when one
fails. Does not belong here: any single step (the modules beside this one), schedules
(``pipelines.assets``).

Order: the job is remembered as soon as the server has taken the order, the manifest as soon as it
is whole, each file as soon as it is proven; the delivery appears by one rename; the job is deleted
at the server; then everything but the delivery is let go of. A process that dies anywhere is
followed by one that goes on from there.
"""

from __future__ import annotations

import datetime as dt
import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import structlog

from pipelines.catalogue.profiles import Shard, SourceProfile
from pipelines.clients.bulk.auth import Tokens
from pipelines.clients.bulk.clock import Clock, Deadline
from pipelines.clients.bulk.delivery import (
    check_amounts,
    check_types,
    deliver,
    parts_of,
    rows_by_type,
)
from pipelines.clients.bulk.downloads import Downloads, Fetched
from pipelines.clients.bulk.errors import ExportError, NotReadyError
from pipelines.clients.bulk.gate import Gate, Resolve, look_up
from pipelines.clients.bulk.http import Http
from pipelines.clients.bulk.kickoff import Order, kick_off, order_for
from pipelines.clients.bulk.manifest import Page, RemoteFile
from pipelines.clients.bulk.polling import give_up_job, wait_for_manifest
from pipelines.clients.bulk.session import Session
from pipelines.clients.bulk.state import Delivered, Job, JobFolder, KeptManifest
from pipelines.settings import Zones

log = structlog.get_logger(__name__)
_AHEAD = dt.timedelta(days=1)
Step = Literal["ordered", "continued", "waiting", "fetching", "fetched", "delivered", "deleted"]


@dataclass(frozen=True)
class Event:
    """Something that a person who waits may want to see; names and numbers only.

    Attributes:
        step: Which.
        said: What the server says of its progress.
        wait_seconds: Wait that begins.
        files: Files of the export.
        bytes: Bytes that have come since the last event.
        rows: Lines of a file that has come whole.
        whole: It is about a file that has come whole.
    """

    step: Step
    said: str = ""
    wait_seconds: float = 0.0
    files: int = 0
    bytes: int = 0
    rows: int = 0
    whole: bool = False


@dataclass(frozen=True)
class Options:
    """How an export runs.

    Attributes:
        inbox: Where the delivery goes; null: the zone's inbox.
        patience_seconds: Time to wait for the server before coming back another time; null: as
            long as the budget lasts.
        accept_drop: Somebody has looked at a full export that holds much less, and it is right.
        progress: Told what happens, from several threads.
        clock: The clock.
        resolve: Looks names up.
    """

    inbox: Path | None = None
    patience_seconds: float | None = None
    accept_drop: bool = False
    progress: Callable[[Event], None] | None = None
    clock: Clock = field(default_factory=Clock)
    resolve: Resolve = look_up


@dataclass(frozen=True)
class Exported:
    """What became of an export.

    Attributes:
        delivery: The delivery's folder.
        new: It was not there before.
        kind: Everything, or changes only.
        transaction_time: State of the server that it shows.
        rows: Lines by entity.
        dropped: Lines left out because they repeat others to the letter.
        remarks: What the server remarks, by severity and code.
        deleted_at_server: The job is gone there; null where that is not asked for.
    """

    delivery: Path
    new: bool
    kind: Literal["full", "delta"]
    transaction_time: dt.datetime
    rows: Mapping[str, int]
    dropped: int
    remarks: Mapping[str, int]
    deleted_at_server: bool | None


def run_export(
    profile: SourceProfile,
    zones: Zones,
    *,
    shard: str | None = None,
    since_last: bool = False,
    options: Options | None = None,
) -> Exported:
    """Export one cohort shard into a delivery, going on with a job that is under way.

    Args:
        profile: The profile.
        zones: The zones.
        shard: Name of the cohort shard, where the profile has groups.
        since_last: Only what has changed since the last export of this shard.
        options: How.

    Returns:
        The delivery and what is in it.

    Raises:
        NotReadyError: The patience is used up; the job is kept.
        ExportError: There is no delivery; ``reason`` tells why. Where the job is of use it is kept.
        CatalogueError: There is no such shard.
    """
    chosen = options or Options()
    which = profile.shard(shard)
    folder = JobFolder(zones, profile, which)
    inbox = chosen.inbox if chosen.inbox is not None else zones.inbox
    with _room_in(zones), folder.locked(), connected(profile, chosen) as (session, gate):
        export = _Export(profile, which, folder, session, gate, chosen, inbox)
        exported = export.run(since_last=since_last)
    log.info(
        "export",
        source=profile.site.source,
        delivery=exported.delivery.name,
        rows=sum(exported.rows.values()),
        state="new" if exported.new else "known",
    )
    return exported


@contextmanager
def _room_in(zones: Zones) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise ExportError(
            "disk_full",
            f"{zones.identified}: no room left ({error.strerror}). What has been fetched is kept: "
            "make room and run it again.",
        ) from None


@contextmanager
def connected(profile: SourceProfile, options: Options) -> Iterator[tuple[Session, Gate]]:
    """A session with the server of a profile, for one call.

    Args:
        profile: The profile.
        options: Clock and resolver.
    """
    gate = Gate(profile, options.resolve)
    http = Http(profile, gate)
    deadline = Deadline(options.clock, profile.budgets.whole_minutes * 60)
    plain = Session(http, None, profile.budgets, options.clock, deadline)
    tokens = None
    if profile.site.auth is not None:
        tokens = Tokens(profile, plain, gate, options.clock)
    try:
        yield Session(http, tokens, profile.budgets, options.clock, deadline), gate
    finally:
        http.close()


class _Export:
    """One export on its way; holds what all steps need."""

    def __init__(
        self,
        profile: SourceProfile,
        shard: Shard | None,
        folder: JobFolder,
        session: Session,
        gate: Gate,
        options: Options,
        inbox: Path,
    ) -> None:
        self._profile = profile
        self._shard = shard
        self._folder = folder
        self._session = session
        self._gate = gate
        self._options = options
        self._inbox = inbox
        self._clock = options.clock
        self._everything = order_for(profile, shard, None).fingerprint

    def run(self, *, since_last: bool) -> Exported:
        order, since = self._order(since_last=since_last)
        job = self._job(order, since)
        try:
            job = self._with_manifest(job)
            return self._delivered(job)
        except ExportError as error:
            if error.closes_job:
                self._give_up(job, error)
            raise

    def _order(self, *, since_last: bool) -> tuple[Order, dt.datetime | None]:
        last = self._folder.delivered()
        if since_last and last is None:
            raise ExportError(
                "since_unsupported",
                f"profile {self._profile.name}: changes since the last export are asked for, and "
                "there has been none. Export in full first.",
            )
        if since_last and last is not None and last.order != self._everything:
            # Of a type that is new in the profile there would be changes and nothing else.
            raise ExportError(
                "since_unsupported",
                f"profile {self._profile.name}: it asks for other things than the last export did. "
                "Export in full once, then ask for changes.",
            )
        since = last.transaction_time if since_last and last is not None else None
        return order_for(self._profile, self._shard, since), since

    def _job(self, order: Order, since: dt.datetime | None) -> Job:
        """The job that is under way, if it is what is wanted; else a new one."""
        job = self._folder.job()
        if job is not None and job.delivered is not None:
            self._delete(job)
            job = None
        if job is not None and not self._still_wanted(job, order):
            self._delete(job)
            job = None
        if job is not None:
            self._tell(Event("continued", said=job.said))
            return job
        began = self._clock.now()
        status_url = kick_off(self._profile, order, self._session, self._gate)
        first = self._clock.now() + dt.timedelta(seconds=self._profile.budgets.first_poll_seconds)
        job = Job(
            order=order.fingerprint,
            began=began,
            since=since,
            status_url=status_url,
            not_before=first,
        )
        self._folder.save(job)
        self._tell(Event("ordered"))
        return job

    def _still_wanted(self, job: Job, order: Order) -> bool:
        age = self._clock.now() - job.began
        return job.order == order.fingerprint and age <= dt.timedelta(
            hours=self._profile.budgets.job_hours
        )

    def _with_manifest(self, job: Job) -> Job:
        if job.manifest is not None:
            return job
        patience = self._options.patience_seconds
        if job.not_before is not None:
            left = (job.not_before - self._clock.now()).total_seconds()
            left = min(left, self._profile.budgets.longest_wait_seconds)
            if left > 0 and patience is not None and left > patience:
                raise NotReadyError(f"profile {self._profile.name}", left, job.said)
            if left > 0:
                self._tell(Event("waiting", job.said, left))
                self._session.sleep(left, f"profile {self._profile.name}")
        try:
            page = wait_for_manifest(
                job.status_url,
                self._session,
                self._gate,
                patience_seconds=patience,
                waiting=lambda seconds, said: self._waiting(job, seconds, said),
            )
        except NotReadyError as error:
            self._remember_wait(job, error.wait_seconds, error.said)
            raise
        self._check_manifest(page, job)
        job = job.model_copy(update={"manifest": KeptManifest.of(page), "not_before": None})
        self._folder.save(job)
        return job

    def _check_manifest(self, page: Page, job: Job) -> None:
        ahead = page.transaction_time > self._clock.now() + _AHEAD
        behind = job.since is not None and page.transaction_time < job.since
        if ahead or behind:
            raise ExportError(
                "manifest_invalid",
                "the server's manifest: expected a transactionTime between the last one and now, "
                "got another. Nothing is delivered. Ask the server's operator.",
                closes_job=True,
            )
        if len(page.files) > self._profile.budgets.files:
            raise ExportError(
                "too_large",
                f"profile {self._profile.name}: expected at most {self._profile.budgets.files} "
                f"files, got {len(page.files)}. Raise budgets.files in the profile.",
                closes_job=True,
            )
        check_types(self._profile, page.files)
        for file in page.files:
            self._gate.check_output(file.url)

    def _delivered(self, job: Job) -> Exported:
        if job.manifest is None:
            raise TypeError("a job without a manifest cannot be delivered")
        page = job.manifest.page()
        numbered = list(enumerate(page.files))
        wanted = [each for each in numbered if self._is_wanted(each[1])]
        self._tell(Event("fetching", files=len(wanted)))
        downloads = Downloads(
            self._profile,
            self._session,
            self._gate,
            self._folder.files,
            requires_token=page.requires_token,
            fetching=self._fetched,
        )
        # What went wrong comes first: it may make the rest not worth fetching.
        remarks = self._remarks(downloads.fetch([e for e in wanted if e[1].use == "outcome"]))
        fetched = downloads.fetch([each for each in wanted if each[1].use != "outcome"])
        return self._put_together(job, page, fetched, remarks)

    def _is_wanted(self, file: RemoteFile) -> bool:
        return file.use != "output" or file.type not in self._profile.site.ignored_types

    def _remarks(self, outcomes: Sequence[Fetched]) -> Mapping[str, int]:
        if not outcomes:
            return {}
        from pipelines.clients.bulk.parsed import outcomes_in

        found = outcomes_in([each.path for each in outcomes])
        if found.failures:
            told = ", ".join(f"{what} {n}" for what, n in sorted(found.failures.items()))
            raise ExportError(
                "export_incomplete",
                f"profile {self._profile.name}: expected all resources, and the server says that "
                f"some are missing ({told}). Nothing is delivered. Run it again; if it stays, ask "
                "the server's operator.",
                closes_job=True,
            )
        return found.remarks

    def _put_together(
        self, job: Job, page: Page, fetched: Sequence[Fetched], remarks: Mapping[str, int]
    ) -> Exported:
        parts = parts_of(self._profile, fetched, self._folder.files)
        delta = job.since is not None
        last = self._folder.delivered()
        if not delta:
            check_amounts(self._profile, parts, last, accept_drop=self._options.accept_drop)
        target, new = deliver(
            self._profile, self._shard, parts, page.transaction_time, self._inbox, delta=delta
        )
        rows = rows_by_type(parts)
        kept_rows = last.rows if delta and last is not None else rows
        self._folder.remember(
            Delivered(
                transaction_time=page.transaction_time,
                order=self._everything,
                rows=dict(kept_rows),
            )
        )
        job = job.model_copy(update={"delivered": target.name})
        self._folder.save(job)
        self._tell(Event("delivered", files=len(parts), rows=sum(rows.values())))
        return Exported(
            target,
            new,
            "delta" if delta else "full",
            page.transaction_time,
            rows,
            sum(part.dropped for part in parts),
            remarks,
            self._delete_after(job),
        )

    def _delete_after(self, job: Job) -> bool | None:
        """Delete the job of a finished delivery; the delivery stands whether it works or not."""
        if self._profile.server.delete == "never":
            self._folder.clear()
            return None
        try:
            return self._delete(job)
        except ExportError as error:
            # The job is still remembered as delivered: the next export tries again first.
            log.warning("export", source=self._profile.site.source, reason=error.reason)
            return False

    def _delete(self, job: Job) -> bool:
        gone = True
        if self._profile.server.delete != "never":
            gone = give_up_job(job.status_url, self._session, self._gate)
            self._tell(Event("deleted"))
        self._folder.clear()
        return gone

    def _give_up(self, job: Job, error: ExportError) -> None:
        try:
            self._delete(job)
        except ExportError as second:
            # What matters is why the export failed; that the job may still be there is added.
            error.add_note(f"The job could not be deleted at the server ({second.reason}).")
            self._folder.clear()

    def _fetched(self, size: int, rows: int | None) -> None:
        self._tell(Event("fetched", bytes=size, rows=rows or 0, whole=rows is not None))

    def _waiting(self, job: Job, seconds: float, said: str) -> None:
        self._remember_wait(job, seconds, said)
        self._tell(Event("waiting", said, seconds))

    def _remember_wait(self, job: Job, seconds: float, said: str) -> None:
        later = self._clock.now() + dt.timedelta(seconds=seconds)
        self._folder.save(job.model_copy(update={"not_before": later, "said": said}))

    def _tell(self, event: Event) -> None:
        if self._options.progress is not None:
            self._options.progress(event)
