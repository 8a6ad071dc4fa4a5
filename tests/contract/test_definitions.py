"""What Dagster is given: assets, their lineage, checks, jobs, schedules and sensors.

``definitions.txt`` beside this file is the whole of it, to be read and reviewed. When a change is
meant, write it anew: ``FOLKEPULS_WRITE_SNAPSHOT=1 python -m pytest tests/contract``.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    SkipReason,
    build_schedule_context,
    build_sensor_context,
)

from pipelines.assets.journal import OWNERS, TABLES, WRITER
from pipelines.assets.microdata import HOLDS, declared, key_of
from pipelines.catalogue.entities import restricted_tables
from pipelines.catalogue.sources import load_sources
from pipelines.resources import environment
from pipelines.settings import Settings
from tests.support.deliveries import patient, write_delivery

SNAPSHOT = Path(__file__).with_name("definitions.txt")
PUBLISHED = AssetKey(["release", "published"])
CANDIDATE = AssetKey(["release", "candidate"])
QUALITY = AssetKey(["quality", "journal"])
REGISTER_QUALITY = AssetKey(["quality", "register"])
MICRODATA = {key_of(table) for table in declared().values()}


@pytest.fixture(scope="module")
def graph(definitions) -> Any:
    return definitions.resolve_asset_graph()


def ancestors(graph, key: AssetKey) -> set[AssetKey]:
    found: set[AssetKey] = set()
    waiting = [key]
    while waiting:
        parents = graph.get(waiting.pop()).parent_keys - found
        found |= parents
        waiting += parents
    return found


def snapshot(definitions, graph) -> str:
    """The definitions as lines: an asset with its group, owners, partitions and parents."""
    lines = ["# assets: key | group | owners | pools | partitions", "#   <- parents"]
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        partitions = "by delivery" if node.partitions_def else "-"
        pools = " ".join(sorted(node.pools or ())) if node.is_materializable else ""
        facts = (key.to_user_string(), node.group_name, " ".join(node.owners), pools, partitions)
        lines.append(" | ".join(fact or "-" for fact in facts))
        lines += [f"  <- {parent.to_user_string()}" for parent in sorted(node.parent_keys)]
    lines += ["", "# checks of our own: asset | name | blocking"]
    for check in sorted(graph.asset_check_keys, key=lambda one: one.to_user_string()):
        if check.asset_key in (QUALITY, REGISTER_QUALITY, CANDIDATE, *MICRODATA):
            blocking = graph.get(check).blocking
            lines.append(
                f"{check.asset_key.to_user_string()} | {check.name} | "
                f"{'blocking' if blocking else 'warning'}"
            )
    lines += ["", "# jobs: name | groups"]
    for name in ("ingest", "refine", "register", "publish"):
        keys = definitions.resolve_job_def(name).asset_layer.executable_asset_keys
        groups = sorted({str(graph.get(key).group_name) for key in keys})
        lines.append(f"{name} | {' '.join(groups)}")
    return "\n".join(lines) + "\n"


def test_the_definitions_are_those_that_were_reviewed(definitions, graph) -> None:
    now = snapshot(definitions, graph)
    if os.environ.get("FOLKEPULS_WRITE_SNAPSHOT"):
        SNAPSHOT.write_text(now, encoding="utf-8")
    assert now == SNAPSHOT.read_text(encoding="utf-8")


def test_every_published_table_comes_from_every_inbox(graph) -> None:
    inboxes = {AssetKey(["inbox", source]) for source in load_sources()}
    journal = {AssetKey(["journal", table]) for table in TABLES}
    upstream = ancestors(graph, PUBLISHED)
    assert inboxes | journal <= upstream
    for table in journal:
        assert inboxes <= ancestors(graph, table)


def test_nothing_is_left_outside_the_flow(graph) -> None:
    """Every asset leads to the release or to the analysts, or is known to wait for an indicator."""
    ends = {PUBLISHED, *MICRODATA, REGISTER_QUALITY}
    reached = set().union(*(ancestors(graph, end) for end in ends)) | ends
    assert graph.get_all_asset_keys() - reached == set()


def test_nothing_is_modelled_before_the_journal_is_checked(definitions, graph) -> None:
    """dbt runs its models in three steps; each of them waits for the checks."""
    for group in ("staging", "intermediate", "marts", "analysis"):
        steps = {
            graph.get(key).assets_def.node_def.name
            for key in graph.get_all_asset_keys()
            if graph.get(key).group_name == group
        }
        for step in steps:
            keys = definitions.resolve_assets_def(
                next(
                    key
                    for key in graph.get_all_asset_keys()
                    if graph.get(key).is_materializable
                    and graph.get(key).assets_def.node_def.name == step
                )
            ).keys
            assert any(QUALITY in ancestors(graph, key) for key in keys), step


def test_everything_has_an_owner_a_group_and_a_description(graph) -> None:
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.owners == OWNERS, key
        assert node.group_name != "default", key
        assert node.description, key


def test_what_may_not_pass_is_stopped(graph) -> None:
    stopping = {
        check.name: graph.get(check).blocking
        for check in graph.asset_check_keys
        if check.asset_key in (QUALITY, CANDIDATE, *MICRODATA)
    }
    assert set(stopping) == {
        *(f"{table}_keeps_its_contract" for table in restricted_tables()),
        "deliveries_are_whole",
        "published_tables_keep_their_contract",
        "nothing_hidden_can_be_recovered",
        HOLDS,
    }
    assert all(stopping.values())


def test_dbt_tests_are_checks(graph, dbt) -> None:
    tests = {
        node["name"]
        for node in dbt.manifest["nodes"].values()
        if node["resource_type"] == "test" and node.get("attached_node")
    }
    assert tests <= {check.name for check in graph.asset_check_keys}


def test_one_writer_at_a_time_for_the_restricted_zone(graph) -> None:
    written = {"journal", "staging", "intermediate", "marts", "analysis"}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        if node.group_name in written:
            assert node.pools == {WRITER}, key


def test_the_schedule_keeps_norwegian_time_and_waits_to_be_started(definitions) -> None:
    schedule = definitions.resolve_schedule_def("nightly_refine")
    assert schedule.execution_timezone == "Europe/Oslo"
    assert schedule.cron_schedule == "30 3 * * *"
    assert schedule.job_name == "refine"
    assert schedule.default_status.value == "STOPPED"


def test_the_register_is_fetched_by_a_schedule_that_somebody_has_started(definitions) -> None:
    """Refreshing is asked for by the schedule alone: no other job's run has it in its settings."""
    schedule = definitions.resolve_schedule_def("monthly_register")
    assert schedule.execution_timezone == "Europe/Oslo"
    assert schedule.job_name == "register"
    assert schedule.default_status.value == "STOPPED"
    (request,) = schedule.evaluate_tick(build_schedule_context()).run_requests
    assert request.run_config == {"ops": {"register__population": {"config": {"refresh": True}}}}


def test_sensors_wait_to_be_started_and_name_their_jobs(definitions) -> None:
    jobs = {"inbox_sensor": "ingest", "signature_sensor": "publish"}
    for name, job in jobs.items():
        sensor = definitions.resolve_sensor_def(name)
        assert [target.job_name for target in sensor.targets] == [job]
        assert sensor.default_status.value == "STOPPED"


def test_jobs_run_in_this_process(definitions) -> None:
    for name in ("ingest", "refine", "register", "publish"):
        assert definitions.resolve_job_def(name).executor_def.name == "in_process"


def test_the_inbox_sensor_asks_for_one_run_per_organisation_and_period(
    definitions, tmp_path: Path
) -> None:
    sensor = definitions.resolve_sensor_def("inbox_sensor")
    zones = Settings(home=tmp_path).zones.create()
    with (
        environment({"FOLKEPULS_HOME": str(tmp_path)}),
        DagsterInstance.ephemeral() as instance,
        build_sensor_context(instance=instance) as context,
    ):
        (nothing,) = sensor(context)
        assert isinstance(nothing, SkipReason)
        for name, organisation in (("a", "sykehus"), ("b", "sykehus"), ("c", "kommuner")):
            write_delivery(
                zones.inbox,
                name,
                {"Patient-1.ndjson": [patient(1)]},
                organisation=organisation,
            )
        requests = list(sensor(context))
        assert [(request.run_key, str(request.partition_key)) for request in requests] == [
            ("kommuner 2024-01-01 c", "kommuner|2024-01-01"),
            ("sykehus 2024-01-01 a b", "sykehus|2024-01-01"),
        ]
        assert set(instance.get_dynamic_partitions("delivering_organisation")) == {
            "kommuner",
            "sykehus",
        }


def test_the_signature_sensor_asks_for_approved_candidates_alone(
    definitions, tmp_path: Path
) -> None:
    from pipelines.publication.release import Decision, decide

    sensor = definitions.resolve_sensor_def("signature_sensor")
    zones = Settings(home=tmp_path).zones.create()
    ids = [f"20241231-000000000{n}" for n in range(4)]
    with environment({"FOLKEPULS_HOME": str(tmp_path)}):
        for release in ids:
            (zones.releases / release).mkdir()
            report = {"release_id": release, "audit": {"ok": True}, "blocking_checks": []}
            (zones.steward / "releases" / f"{release}.json").write_text(json.dumps(report))
        (zones.published / ids[3]).mkdir()
        for release, word in ((ids[0], "approve"), (ids[1], "reject"), (ids[3], "approve")):
            decide(
                zones,
                Decision.model_validate(
                    {"release_id": release, "decision": word, "name": "Kari", "reason": "Looked"}
                ),
            )
        assert [request.run_key for request in sensor()] == [ids[0]]
        (zones.steward / "inbox" / f"{ids[0]}.json").unlink()
        (nothing,) = sensor()
        assert isinstance(nothing, SkipReason)


def test_loading_opens_no_connection(definitions, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.definitions import assembled

    def refuse(*_: object) -> None:
        raise OSError("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert assembled.__wrapped__().resolve_all_asset_keys()
