"""``folkepuls`` in this process, with what it printed and how it ended.

Belongs here: the call. Does not belong here: a command in a process of its own (``demo_run``).
"""

from __future__ import annotations

from typing import Any

from typer.testing import CliRunner

from pipelines.cli import app


def call(*arguments: str) -> Any:
    """What came of ``folkepuls`` with these arguments: output, exit code and exception."""
    return CliRunner().invoke(app, list(arguments))
