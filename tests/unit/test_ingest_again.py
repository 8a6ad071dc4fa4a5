"""The same deliveries give the same bytes: in any order, with any threads, after any interruption.

Belongs here: comparisons of whole zones. Does not belong here: what the rows say
(``test_ingest_rows``), and orders that are drawn (``tests/property/test_ingest_orders``).
"""

from __future__ import annotations

import fcntl
import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from pipelines.ingest import IngestBusyError, Options, ingest_pending, pending_deliveries
from pipelines.ingest.ledger import read_ledger
from pipelines.settings import Zones
from tests.support.deliveries import KEY, encounter, line, patient, take, tree, write_delivery
from tests.support.yearly_deliveries import yearly_deliveries


def test_any_order_gives_the_same_bytes(tmp_path: Path) -> None:
    found = yearly_deliveries(tmp_path / "inbox")
    trees = []
    for n, order in enumerate(itertools.islice(itertools.permutations(found), 0, 120, 59)):
        home = Zones(tmp_path / f"home{n}").create()
        for delivery in order:
            assert take(home, delivery).state == "committed"
        trees.append(tree(home.restricted))
    assert all(each == trees[0] for each in trees)


def test_threads_and_files_do_not_change_the_bytes(tmp_path: Path) -> None:
    stays = [encounter(n, n % 7) for n in range(90)]
    trees = []
    for threads, cut in ((1, 90), (2, 40), (4, 1)):
        home = Zones(tmp_path / f"home{threads}").create()
        files = {f"Encounter-{i:03d}.ndjson": stays[i : i + cut] for i in range(0, len(stays), cut)}
        take(home, write_delivery(home.inbox, "d1", files), options=Options(threads=threads))
        trees.append(tree(home.journal))
    assert trees[0] == trees[1] == trees[2]


def test_what_a_killed_run_left_is_swept_and_done_again(tmp_path: Path) -> None:
    undisturbed, killed = (Zones(tmp_path / name).create() for name in ("a", "b"))
    found = yearly_deliveries(tmp_path / "inbox")
    for delivery in found:
        take(undisturbed, delivery)
    for delivery in found[:-1]:
        take(killed, delivery)
    # Died before the last entry of the ledger, in the middle of the next tables.
    (killed.deliveries / "synthetic__p-2024.json").unlink()
    (killed.identified / ".work" / "00000").mkdir(parents=True)
    (killed.identified / ".work" / "00000" / "verified").write_bytes(line(patient(0)))
    half = killed.journal / "encounter" / "synthetic__never.parquet"
    half.write_bytes(b"PAR1")
    (killed.journal / "patient" / ".x.parquet.abc.tmp").write_bytes(b"PAR1")
    (killed.deliveries / ".y.json.abc.tmp").write_bytes(b"{")
    (killed.steward / "quarantine" / "synthetic__never.parquet").write_bytes(b"PAR1")
    for delivery in found:
        take(killed, delivery)
    assert tree(killed.restricted) == tree(undisturbed.restricted)
    assert tree(killed.steward) == tree(undisturbed.steward)
    assert not list(killed.journal.rglob("*.tmp"))
    assert not (killed.identified / ".work").exists()


@pytest.mark.parametrize("step", ["write_table", "redact_committed", "write_counts", "commit"])
def test_dying_at_a_step_takes_nothing_in(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.ingest import ledger, quarantine, restricted

    class PowerCutError(BaseException):
        pass

    undisturbed, killed = (Zones(tmp_path / name).create() for name in ("a", "b"))
    found = yearly_deliveries(tmp_path / "inbox")
    for delivery in found:
        take(undisturbed, delivery)
    for delivery in [found[0], *found[2:]]:
        take(killed, delivery)
    module: Any = next(m for m in (restricted, quarantine, ledger) if hasattr(m, step))
    with monkeypatch.context() as patched:

        def die(*_: Any, **__: Any) -> None:
            raise PowerCutError

        patched.setattr(module, step, die)
        with pytest.raises(PowerCutError):
            take(killed, found[1])
    assert found[1].id not in read_ledger(killed)
    assert take(killed, found[1]).state == "committed"
    assert tree(killed.restricted) == tree(undisturbed.restricted)


def test_all_at_once_is_the_same_as_one_by_one_even_after_dying_midway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.ingest import ledger

    one_by_one, at_once = (Zones(tmp_path / name).create() for name in ("a", "b"))
    yearly_deliveries(tmp_path / "inbox")
    waiting = [each.folder for each in pending_deliveries(one_by_one, tmp_path / "inbox")]
    for delivery in waiting:
        take(one_by_one, delivery)
    commit = ledger.commit
    with monkeypatch.context() as patched:

        def die_at_the_second(zones: Zones, entry: ledger.LedgerEntry) -> None:
            if entry.id == waiting[1].id:
                raise KeyboardInterrupt
            commit(zones, entry)

        patched.setattr(ledger, "commit", die_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            ingest_pending(at_once, KEY, inbox=tmp_path / "inbox")
    assert list(read_ledger(at_once)) == [waiting[0].id]
    assert not (at_once.identified / ".work").exists()
    results = ingest_pending(at_once, KEY, inbox=tmp_path / "inbox")
    assert [result.delivery for result in results] == [each.name for each in waiting[1:]]
    assert tree(at_once.restricted) == tree(one_by_one.restricted)


def test_two_ingests_never_write_at_once(zones: Zones) -> None:
    delivery = write_delivery(zones.inbox, "d1", {"Encounter-1.ndjson": [encounter(1)]})
    descriptor = os.open(zones.restricted / ".ingest.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(IngestBusyError, match="Wait until it is done"):
        take(zones, delivery)
    os.close(descriptor)
    assert take(zones, delivery).state == "committed"
