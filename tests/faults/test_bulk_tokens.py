"""Tokens: renewed in time, once on 401; keys that change, clocks that differ; never told (F13)."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipelines.clients.bulk import ExportError, Options
from pipelines.clients.bulk.auth import check_scopes
from tests.support.bulk_server.answers import Answer, say
from tests.support.bulk_server.clock import FakeClock
from tests.support.bulk_server.homes import auth, export, key_file, profile, public_keys
from tests.support.bulk_server.server import TOKEN_SECONDS, Asked, BulkServer, serving

BOTH = (("ES384", "old"), ("ES384", "new"))


def run(server: BulkServer, tmp_path: Path, **site: Any) -> None:
    with serving(server) as base:
        chosen = profile(tmp_path, base, **{"auth": auth(tmp_path), **site})
        export(chosen, tmp_path / "home", Options(clock=server.clock))


def fails(server: BulkServer, tmp_path: Path, **site: Any) -> ExportError:
    with pytest.raises(ExportError) as caught:
        run(server, tmp_path, **site)
    return caught.value


def test_a_token_is_renewed_shortly_before_it_ends(tmp_path: Path) -> None:
    """An export of a quarter of an hour: no request is ever refused."""
    clock, renewed = FakeClock(), []

    def script(asked: Asked) -> Answer | None:
        if asked.kind == "token":
            renewed.append(clock.monotonic())
        if asked.kind == "status" and asked.number < 100:
            return say(202, None, Retry_After="10") if clock.monotonic() < 900 else None
        return None

    server = BulkServer(clock, keys=public_keys(), script=script, polls=0)
    run(server, tmp_path)
    assert len(renewed) == 4
    for before, after in pairwise(renewed):
        assert TOKEN_SECONDS - 60 <= after - before < TOKEN_SECONDS
    bearers = [one.headers["authorization"] for one in server.asked if one.kind == "status"]
    assert len(set(bearers)) == 4


def test_a_token_used_until_it_is_refused_costs_a_refusal_each_time(tmp_path: Path) -> None:
    """The twin: without renewal in time the same export is refused three times."""
    clock = FakeClock()
    server = BulkServer(clock, keys=public_keys())
    server.tokens["t"] = TOKEN_SECONDS
    refused = 0
    while clock.monotonic() < 900:
        clock.sleep(10)
        if server.tokens["t"] <= clock.monotonic():
            refused += 1
            server.tokens["t"] = clock.monotonic() + TOKEN_SECONDS
    assert refused == 3


def test_401_is_tried_once_more_with_a_new_token(tmp_path: Path) -> None:
    def script(asked: Asked) -> Answer | None:
        first = asked.kind in ("kickoff", "status", "delete") and asked.number == 1
        return say(401) if first else None

    server = BulkServer(FakeClock(), keys=public_keys(), script=script)
    run(server, tmp_path)
    assert server.count("token") == 4
    assert server.count("kickoff") == 2


@pytest.mark.parametrize("kind", ["kickoff", "status", "file"])
def test_401_for_ever_stops_after_one_more_try(kind: str, tmp_path: Path) -> None:
    def script(asked: Asked) -> Answer | None:
        return say(401) if asked.kind == kind else None

    server = BulkServer(FakeClock(), keys=public_keys(), script=script, polls=0)
    server.files = {"e1": server.files["e1"]}
    error = fails(server, tmp_path)
    assert error.reason == "unauthorised"
    assert server.count(kind) == 2
    assert not error.closes_job


def test_the_job_of_a_revoked_client_is_kept_for_when_it_is_let_in_again(tmp_path: Path) -> None:
    revoked = True

    def script(asked: Asked) -> Answer | None:
        return say(401) if asked.kind == "status" and revoked else None

    server = BulkServer(FakeClock(), keys=public_keys(), script=script, polls=0)
    with serving(server) as base:
        chosen = profile(tmp_path, base, auth=auth(tmp_path))
        with pytest.raises(ExportError):
            export(chosen, tmp_path / "home", Options(clock=server.clock))
        revoked = False
        export(chosen, tmp_path / "home", Options(clock=server.clock))
    assert server.count("kickoff") == 1


@pytest.mark.parametrize("known", [("ES384", "old"), ("ES384", "new")])
def test_keys_change_over(known: tuple[str, str], tmp_path: Path) -> None:
    server = BulkServer(FakeClock(), keys=public_keys(known))
    run(server, tmp_path, auth=auth(tmp_path, *BOTH))
    assert server.count("file") == 4


def test_one_key_alone_does_not_survive_the_change(tmp_path: Path) -> None:
    """The twin of the change-over."""
    server = BulkServer(FakeClock(), keys=public_keys(("ES384", "new")))
    error = fails(server, tmp_path, auth=auth(tmp_path, ("ES384", "old")))
    assert error.reason == "authorisation_refused"


def test_a_key_file_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    server = BulkServer(FakeClock(), keys=public_keys(("ES384", "k1")), polls=0)
    with serving(server) as base:
        chosen = profile(tmp_path, base, auth=auth(tmp_path))
        path = key_file(tmp_path)
        right = path.read_bytes()
        path.write_bytes(key_file(tmp_path, name="other").read_bytes())
        with pytest.raises(ExportError, match="authorisation_refused"):
            export(chosen, tmp_path / "home", Options(clock=server.clock))
        path.write_bytes(right)
        export(chosen, tmp_path / "home", Options(clock=server.clock))


def test_a_wrong_audience_stops_clean(tmp_path: Path) -> None:
    server = BulkServer(FakeClock(), keys=public_keys())
    with serving(server) as base:
        wrong = auth(tmp_path) | {"token_endpoint": f"{base}/token?tenant=1"}
        chosen = profile(tmp_path, base, auth=wrong)
        with pytest.raises(ExportError, match=r"authorisation_refused.*audience"):
            export(chosen, tmp_path / "home", Options(clock=server.clock))
    assert server.count("token") == 1
    assert server.count("kickoff") == 0


@pytest.mark.parametrize("skew", [-600, -60, -30, 0, 30, 60, 600, 86400])
def test_a_clock_that_differs_does_no_harm(skew: float, tmp_path: Path) -> None:
    server = BulkServer(FakeClock(), keys=public_keys(), skew=skew)
    run(server, tmp_path)
    asked = server.count("token")
    assert asked == (1 if abs(skew) <= 60 else 2)


@pytest.mark.parametrize("skew", [-60, 600])
def test_an_assertion_of_five_minutes_by_our_own_clock_is_refused(skew: float) -> None:
    """The twin: what the standard allows at most, and nothing else, meets a clock that differs."""
    ours, theirs = 0.0, 0.0 + skew
    expires = ours + 300
    assert not theirs < expires <= theirs + 300


def test_every_assertion_is_good_for_one_use(tmp_path: Path) -> None:
    """The token endpoint fails after it has taken note: the second try is another assertion."""

    def script(asked: Asked) -> Answer | None:
        if asked.kind == "token" and asked.number == 1:
            asked.server.usual(asked)
            return say(503)
        return None

    server = BulkServer(FakeClock(), keys=public_keys(), script=script)
    run(server, tmp_path)
    assert len(server.used) == server.count("token") == 2


def test_neither_token_nor_key_nor_assertion_is_told_or_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    def script(asked: Asked) -> Answer | None:
        return say(401) if asked.kind == "file" else None

    server = BulkServer(FakeClock(), keys=public_keys(), script=script)
    error = fails(server, tmp_path)
    secrets = [*server.tokens, *server.used]
    secrets += [one.body.decode()[-60:] for one in server.asked if one.kind == "token"]
    secrets.append(key_file(tmp_path).read_text().splitlines()[1])
    told = [str(error), repr(error), *capsys.readouterr()]
    kept = [p.read_bytes().decode() for p in (tmp_path / "home").rglob("*") if p.is_file()]
    assert len(server.tokens) >= 2
    for secret in secrets:
        assert not any(secret in text for text in [*told, *kept])


def test_the_assertion_goes_to_no_other_place(tmp_path: Path) -> None:
    def script(asked: Asked) -> Answer | None:
        elsewhere = {"token_endpoint": "https://tokens.example.org/token"}
        return say(200, elsewhere) if asked.kind == "discovery" else None

    server = BulkServer(FakeClock(), keys=public_keys(), script=script)
    assert fails(server, tmp_path).reason == "origin_refused"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.chmod(0o644), "others can read"),
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_text("no key"), "no ES384 key"),
        (lambda path: path.write_text('{"kty": "EC"}'), "no ES384 key"),
        (
            lambda path: path.write_bytes(key_file(path.parent, "RS384", "r").read_bytes()),
            "no ES384 key",
        ),
    ],
)
def test_a_key_that_is_not_as_it_should_be(
    spoil: Callable[[Path], object], told: str, tmp_path: Path
) -> None:
    server = BulkServer(FakeClock(), keys=public_keys())
    with serving(server) as base:
        chosen = profile(tmp_path, base, auth=auth(tmp_path))
        spoil(key_file(tmp_path))
        with pytest.raises(ExportError, match=f"key_unreadable.*{told}"):
            export(chosen, tmp_path / "home", Options(clock=server.clock))
    assert server.count("token") == 0


def test_a_key_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = BulkServer(FakeClock(), keys=public_keys())
    keys = [{"key_id": "k1", "algorithm": "ES384", "environment": "FOLKEPULS_TEST_KEY"}]
    access = {"client_id": "folkepuls-test", "keys": keys}
    assert "FOLKEPULS_TEST_KEY" in str(fails(server, tmp_path, auth=access))
    monkeypatch.setenv("FOLKEPULS_TEST_KEY", key_file(tmp_path).read_text())
    run(server, tmp_path, auth=access)


@pytest.mark.parametrize(
    ("scope", "enough"),
    [
        (None, True),
        ("", True),
        ("system/*.rs", True),
        ("system/*.read", True),
        ("system/*.*", True),
        ("system/*.cruds", True),
        ("system/Encounter.rs system/Condition.r system/Observation.read", True),
        ("system/Encounter.rs", False),
        ("system/*.s", False),
        ("system/*.write", False),
        ("patient/*.rs user/*.rs", False),
        ("system/*.rs?category=laboratory", False),
        ("openid", False),
        (7, True),
    ],
)
def test_a_token_must_read_all_that_was_asked_for(
    scope: object, enough: bool, tmp_path: Path
) -> None:
    chosen = profile(tmp_path, "http://127.0.0.1:9", auth=auth(tmp_path))
    if enough:
        check_scopes(chosen, scope)
    else:
        with pytest.raises(ExportError, match="scope_reduced"):
            check_scopes(chosen, scope)


@pytest.mark.parametrize("expires", [0, -5, "soon", None, 10**9, "300", 20])
def test_an_absurd_life_of_a_token_is_put_up_with(expires: object, tmp_path: Path) -> None:
    def script(asked: Asked) -> Answer | None:
        if asked.kind != "token":
            return None
        content = json.loads(asked.server.usual(asked).bytes)
        return say(200, {**content, "expires_in": expires})

    server = BulkServer(FakeClock(), keys=public_keys(), script=script)
    run(server, tmp_path)
    assert server.count("file") == 4
