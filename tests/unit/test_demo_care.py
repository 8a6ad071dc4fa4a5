"""The demonstration's care: what it keeps, what it wipes, and whose data it leaves alone.

Belongs here: what happens before the demonstration runs. Does not belong here: the run
(``tests/integration``).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from pipelines import demo
from pipelines.demo import DemoError, make_demo
from pipelines.settings import Settings
from pipelines.synthetic import SyntheticSettings

REGION = SyntheticSettings(scale=0.001, years=1, seed=1)


class StoppedError(Exception):
    """The demonstration got as far as the test wants."""


@pytest.fixture
def console() -> Console:
    return Console(quiet=True)


@pytest.fixture
def _no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def region(_: object, to: Path, *rest: object, **more: object) -> None:
        (to / "synthetic" / "kommuner-2025").mkdir(parents=True)

    def stop(_: object) -> None:
        raise StoppedError

    monkeypatch.setattr(demo, "write_region", region)
    monkeypatch.setattr(demo, "run", stop)


@pytest.mark.parametrize("where", ["inbox", "deliveries"])
@pytest.mark.usefixtures("_no_run")
def test_the_demonstration_keeps_out_of_other_data(
    where: str, settings: Settings, console: Console
) -> None:
    folder = getattr(settings.zones.create(), where)
    (folder / "helseplattformen").mkdir()
    with pytest.raises(DemoError, match="did not make"):
        make_demo(settings, REGION, console)
    assert (folder / "helseplattformen").is_dir()
    assert not (settings.zones.state / "demo.json").exists()
    assert not settings.key_file.exists()


@pytest.mark.usefixtures("_no_run")
def test_the_same_settings_keep_what_is_there(settings: Settings, console: Console) -> None:
    for _ in range(2):
        with pytest.raises(StoppedError):
            make_demo(settings, REGION, console)
        (settings.zones.published / "kept").mkdir(exist_ok=True)
    assert (settings.zones.inbox / "synthetic" / "kommuner-2025").is_dir()
    assert (settings.zones.published / "kept").is_dir()
    assert settings.key_file.is_file()


@pytest.mark.usefixtures("_no_run")
def test_other_settings_wipe_the_demonstrations_own_zones_alone(
    settings: Settings, console: Console
) -> None:
    with pytest.raises(StoppedError):
        make_demo(settings, REGION, console)
    zones = settings.zones
    own = [zones.journal, zones.published, zones.analysis, zones.steward / "checks"]
    for folder in own:
        (folder / "old").touch()
    (zones.home / "reference").mkdir()
    (zones.home / "reference" / "facts.csv").touch()
    key = settings.key_file.read_bytes()
    with pytest.raises(StoppedError):
        make_demo(settings, SyntheticSettings(scale=0.001, years=1, seed=2), console)
    assert [folder for folder in own if (folder / "old").exists()] == []
    assert (zones.home / "reference" / "facts.csv").is_file()
    assert settings.key_file.read_bytes() == key
    assert json.loads((zones.state / "demo.json").read_text())["seed"] == 2
