"""A register's server and the borders it is asked by, for all tests of the register.

Belongs here: fixtures that several files of this folder use. Does not belong here: what must hold
of them, and ways to prepare them (``tests/support``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pxweb_server import PxWebServer
from tests.support.register_readers import CODES


@pytest.fixture
def server() -> Iterator[PxWebServer]:
    with PxWebServer() as one:
        yield one


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    (folder / "municipalities.csv").write_text(CODES)
    return folder
