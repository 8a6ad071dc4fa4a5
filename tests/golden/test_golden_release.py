"""The demonstration's release is the one that was looked at last, and its kills changed nothing.

The release that was written down is that of a demonstration which nobody disturbed; the one that
is held against it was killed twice. That kills hit is for ``faults/test_kills`` to say.
"""

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


PARTS = ("analysis", "restricted", "catalogue", "deliveries", "release", "release_id")


@pytest.mark.parametrize("part", PARTS)
def test_the_golden_release(part: str, found: dict[str, object], golden: dict[str, object]) -> None:
    assert found[part] == golden[part], AGAIN
