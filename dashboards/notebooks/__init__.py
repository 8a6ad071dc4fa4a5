"""SQL notebooks for analysts: a process of its own over what is published and k-anonymous.

Belongs here: putting the worked examples in place and starting the process. Does not belong
here: the connection (``connection.py``) and the examples themselves (``examples/``).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent / "examples"
SETTINGS = EXAMPLES / "settings.toml"
LOOPBACK = "127.0.0.1"


def command(home: Path, port: int) -> list[str]:
    """How to start the notebook server, from any folder.

    The server listens on this machine's loopback address, prints an address with a token, asks
    nobody for updates and offers no export.

    Args:
        home: The data folder.
        port: Port on the loopback address.

    Returns:
        Arguments of the process.
    """
    return [sys.executable, "-m", "dashboards.notebooks", str(home), str(port)]


def server(port: int) -> list[str]:
    """Arguments of the server itself, to be started in the folder of the notebooks.

    Args:
        port: Port on the loopback address.
    """
    return [
        sys.executable,
        "-m",
        "marimo",
        "edit",
        ".",
        "--host",
        LOOPBACK,
        "--port",
        str(port),
        "--headless",
        "--token",
        "--skip-update-check",
        "--no-sandbox",
    ]


def prepare(home: Path) -> Path:
    """Copy the worked examples into the analysis zone, where an analyst may change them.

    Args:
        home: The data folder.

    Returns:
        The folder ``analysis/notebooks``. Notebooks that lie there already are left as they are;
        the settings of the server are always the project's own.
    """
    folder = home.expanduser().resolve() / "analysis" / "notebooks"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for example in examples():
        target = folder / example.name
        if not target.exists():
            shutil.copyfile(example, target)
            target.chmod(0o600)
    settings = folder / "pyproject.toml"
    shutil.copyfile(SETTINGS, settings)
    settings.chmod(0o600)
    return folder


def examples() -> list[Path]:
    """The worked examples, sorted by name."""
    return sorted(EXAMPLES.glob("*.py"))
