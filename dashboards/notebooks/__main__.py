"""Start the notebook server: ``python -m dashboards.notebooks HOME PORT``.

Belongs here: what must hold before marimo starts. It reads its settings from the folder it is
started in, so this process goes there first.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dashboards.notebooks import prepare, server


def main(arguments: list[str]) -> None:
    """Become the notebook server.

    Args:
        arguments: The data folder and the port.

    Raises:
        SystemExit: There are not exactly these two, or the port is no number.
    """
    if len(arguments) != 2 or not arguments[1].isdigit():
        raise SystemExit("dashboards.notebooks: expected the data folder and a port.")
    home, port = Path(arguments[0]), int(arguments[1])
    folder = prepare(home)
    os.environ["FOLKEPULS_HOME"] = str(home.expanduser().resolve())
    os.environ["MARIMO_SKIP_UPDATE_CHECK"] = "1"
    # From another folder the project is found by its path alone.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
    ).rstrip(os.pathsep)
    os.chdir(folder)
    command = server(port)
    os.execv(command[0], command)  # noqa: S606 - constants and a checked number, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
