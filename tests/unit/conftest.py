"""A home of its own for whoever asks the command line, the doctor or a service.

Belongs here: fixtures that several files of this folder use. Does not belong here: what must hold
of them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of its own, in the environment as well."""
    for name in [name for name in os.environ if name.startswith("FOLKEPULS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOLKEPULS_KEY_FILE", str(tmp_path / "keys" / "keys.json"))
    return Settings()
