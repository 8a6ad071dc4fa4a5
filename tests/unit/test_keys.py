"""Keys: secrets that are kept, and providers that say what to do when they are not."""

import json
import os
import pickle
import stat

import pytest

from anonymization.keys import (
    EnvironmentKeyProvider,
    FileKeyProvider,
    Key,
    KeyAccessError,
    KeyProvider,
    create_key_file,
)

SECRET = bytes(range(32))


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "keys" / "keys.json"
    create_key_file(path)
    return path


def write(path, content, mode=0o600):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)
    return path


def keys(*epochs):
    return {
        "version": 1,
        "keys": [{"id": f"k{e}", "epoch": e, "secret": SECRET.hex()} for e in epochs],
    }


def test_a_key_does_not_show_its_secret():
    key = Key("k1", 1, SECRET)
    for shown in (repr(key), str(key), f"{key}"):
        assert SECRET.hex() not in shown
        assert repr(SECRET) not in shown
    assert repr(key) == "Key(id='k1', epoch=1)"


@pytest.mark.parametrize(
    "arguments", [("k", 1, SECRET[:31]), ("k", 1, SECRET + b"x"), ("", 1, SECRET), ("k", 0, SECRET)]
)
def test_a_malformed_key_is_refused(arguments):
    with pytest.raises(KeyAccessError):
        Key(*arguments)


def test_a_key_reaches_other_processes_whole():
    key = Key("k1", 1, SECRET)
    assert pickle.loads(pickle.dumps(key)) == key


def test_a_new_file_is_private_and_holds_a_new_key(key_file, tmp_path):
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file.parent.stat().st_mode) == 0o700
    other = create_key_file(tmp_path / "other.json")
    key = FileKeyProvider(key_file).current()
    assert len(key.secret) == 32
    assert key.epoch == 1
    assert key.secret != other.secret
    assert FileKeyProvider(key_file).get(key.id) == key
    assert [path.name for path in key_file.parent.iterdir()] == ["keys.json"]


def test_a_key_is_never_overwritten(key_file):
    before = key_file.read_bytes()
    with pytest.raises(KeyAccessError, match="not overwritten"):
        create_key_file(key_file)
    assert key_file.read_bytes() == before
    assert [path.name for path in key_file.parent.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700, 0o644])
def test_a_file_that_others_may_read_is_refused(key_file, mode):
    key_file.chmod(mode)
    with pytest.raises(KeyAccessError, match=rf"{mode:04o}.*chmod 600"):
        FileKeyProvider(key_file).current()


def test_a_file_of_somebody_else_is_refused(key_file, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: key_file.stat().st_uid + 1)
    with pytest.raises(KeyAccessError, match="another user"):
        FileKeyProvider(key_file).current()


def test_a_file_inside_the_forbidden_root_is_refused(key_file, tmp_path):
    with pytest.raises(KeyAccessError, match="lies inside"):
        FileKeyProvider(key_file, forbidden_root=tmp_path).current()
    with pytest.raises(KeyAccessError, match="lies inside"):
        create_key_file(tmp_path / "new.json", forbidden_root=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    assert FileKeyProvider(key_file, forbidden_root=elsewhere).current().epoch == 1


def test_a_link_does_not_lead_around_the_forbidden_root(key_file, tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to(key_file)
    with pytest.raises(KeyAccessError, match="lies inside"):
        FileKeyProvider(link, forbidden_root=key_file.parent).current()


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(KeyAccessError, match="folkepuls keys init"):
        FileKeyProvider(tmp_path / "none.json").current()


def test_an_unreadable_file_says_why(tmp_path):
    with pytest.raises(KeyAccessError, match="cannot be read"):
        FileKeyProvider(tmp_path).current()


def test_the_highest_epoch_is_current_and_older_ones_are_found_by_name(tmp_path):
    provider = FileKeyProvider(write(tmp_path / "k.json", keys(2, 3, 1)))
    assert provider.current().id == "k3"
    assert provider.get("k1").epoch == 1
    with pytest.raises(KeyAccessError, match="no key named 'k9' among 3"):
        provider.get("k9")


SECRET_WORD = "deadbeef"
BROKEN = [
    "",
    f'{{"version": 1, {SECRET_WORD}',
    "[]",
    {"version": 2, "keys": keys(1)["keys"]},
    {"version": 1},
    {"version": 1, "keys": []},
    {"version": 1, "keys": [{"id": "k", "epoch": 1}]},
    {"version": 1, "keys": [{"id": "k", "epoch": 1, "secret": "no hex " + SECRET_WORD}]},
    {"version": 1, "keys": [{"id": "k", "epoch": SECRET_WORD, "secret": SECRET.hex()}]},
    {"version": 1, "keys": [SECRET_WORD]},
    {"version": 1, "keys": 5},
    keys(1, 1),
]


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_file_is_refused_without_its_content(tmp_path, content):
    provider = FileKeyProvider(write(tmp_path / "k.json", content))
    with pytest.raises(KeyAccessError, match="expected version 1") as refused:
        provider.current()
    assert SECRET_WORD not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "k.json"
    path.write_bytes(b"\xff\xfe\xff")
    path.chmod(0o600)
    with pytest.raises(KeyAccessError, match="not text"):
        FileKeyProvider(path).current()


def test_a_short_secret_in_a_file_is_refused(tmp_path):
    content = {"version": 1, "keys": [{"id": "k", "epoch": 1, "secret": "00ff"}]}
    with pytest.raises(KeyAccessError, match="expected 32 secret bytes, got 2"):
        FileKeyProvider(write(tmp_path / "k.json", content)).current()


def test_the_environment_holds_one_key():
    provider = EnvironmentKeyProvider(environment={"FOLKEPULS_KEY": f"k7:7:{SECRET.hex()}"})
    assert provider.current() == Key("k7", 7, SECRET)
    assert provider.get("k7").epoch == 7
    with pytest.raises(KeyAccessError, match="holds key 'k7', not 'k6'"):
        provider.get("k6")


def test_the_process_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("ELSEWHERE", f"k:1:{SECRET.hex()}")
    assert EnvironmentKeyProvider("ELSEWHERE").current().id == "k"


@pytest.mark.parametrize("value", [None, ""])
def test_an_unset_variable_says_what_to_do(value):
    environment = {} if value is None else {"FOLKEPULS_KEY": value}
    with pytest.raises(KeyAccessError, match="folkepuls keys init"):
        EnvironmentKeyProvider(environment=environment).current()


@pytest.mark.parametrize("value", [SECRET_WORD, f"k:1:{SECRET_WORD}x", f"k:x{SECRET_WORD}:00", ":"])
def test_a_malformed_variable_is_refused_without_its_content(value):
    provider = EnvironmentKeyProvider(environment={"FOLKEPULS_KEY": value})
    with pytest.raises(KeyAccessError) as refused:
        provider.current()
    assert SECRET_WORD not in str(refused.value)


def test_both_providers_are_key_providers(tmp_path):
    assert isinstance(FileKeyProvider(tmp_path), KeyProvider)
    assert isinstance(EnvironmentKeyProvider(environment={}), KeyProvider)
