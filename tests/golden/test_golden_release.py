"""The demonstration's release is the one that was looked at last."""

from __future__ import annotations

import json

import pytest

from tests.golden.release import GOLDEN, fingerprint
from tests.support.demo_run import Demo

AGAIN = "if the change is meant: .venv/bin/python -m tests.golden.release"


@pytest.fixture(scope="module")
def golden() -> dict[str, object]:
    return json.loads(GOLDEN.read_text())


@pytest.fixture(scope="module")
def found(demo: Demo) -> dict[str, object]:
    return fingerprint(demo.home)


@pytest.mark.parametrize("part", ["analysis", "restricted", "release", "release_id"])
def test_the_golden_release(part: str, found: dict[str, object], golden: dict[str, object]) -> None:
    assert found[part] == golden[part], AGAIN
