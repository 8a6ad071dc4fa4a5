"""Processes of their own: dashboards, Dagster's pages, notebooks; all on loopback.

Belongs here: how each is started, and that none of them calls home. Does not belong here: what
they show.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from pipelines.instance import write_configuration
from pipelines.resources import QUIET
from pipelines.settings import ROOT, Settings

LOOPBACK = "127.0.0.1"


def serve_dashboard(settings: Settings, port: int, *, steward: bool, console: Console) -> int:
    """Serve the planner's or the steward's pages until interrupted.

    Args:
        settings: Settings of this process.
        port: Port on loopback.
        steward: The steward's page instead of the planner's.
        console: Where the address is printed.

    Returns:
        Exit code of the server.
    """
    script = "steward.py" if steward else "app.py"
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(ROOT / "dashboards" / script),
        f"--server.address={LOOPBACK}",
        f"--server.port={port}",
        "--server.headless=true",
    ]
    console.print(f"Dashboards: http://{LOOPBACK}:{port}  (stop with Ctrl-C)")
    return _serve(command, settings, ROOT / "dashboards")


def serve_dagster(settings: Settings, port: int, console: Console) -> int:
    """Serve Dagster's pages, with its daemon, until interrupted.

    Args:
        settings: Settings of this process.
        port: Port on loopback.
        console: Where the address is printed.

    Returns:
        Exit code of the server.
    """
    home = settings.zones.create().state / "dagster"
    write_configuration(home)
    command = [
        str(Path(sys.executable).with_name("dagster")),
        "dev",
        "--module-name=pipelines.definitions",
        f"--host={LOOPBACK}",
        f"--port={port}",
    ]
    console.print(f"Dagster: http://{LOOPBACK}:{port}  (stop with Ctrl-C)")
    return _serve(command, settings, ROOT, DAGSTER_HOME=str(home))


def serve_notebooks(settings: Settings, port: int, console: Console) -> int:
    """Open the analysts' notebooks until interrupted.

    Args:
        settings: Settings of this process.
        port: Port on loopback.
        console: Where the address is printed.

    Returns:
        Exit code of the server.
    """
    from dashboards.notebooks import command

    console.print(f"Notebooks: http://{LOOPBACK}:{port}  (stop with Ctrl-C)")
    return _serve(command(settings.zones.home, port), settings, ROOT)


def _serve(command: list[str], settings: Settings, folder: Path, **more: str) -> int:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    environment = {
        **os.environ,
        **QUIET,
        "FOLKEPULS_HOME": str(settings.zones.home),
        "PYTHONPATH": path,
        **more,
    }
    # Whoever ends this process ends the server with it.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        # The command is made of constants and checked settings; nothing of it comes from outside.
        return subprocess.run(command, env=environment, cwd=folder, check=False).returncode  # noqa: S603
    except KeyboardInterrupt:
        return 0


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
