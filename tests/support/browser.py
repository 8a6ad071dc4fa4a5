"""Pages in a real browser: a server of our own on loopback, and headless Chromium.

Belongs here: starting and stopping both, noting what the browser asked for, and asking axe-core
what stands in a reader's way. Does not belong here: what a page should show. Where Chromium is
missing the tests are skipped with the reason, unless ``CI=true``: there a missing browser is a
failure.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
)
CONTRAST = ("color-contrast", "link-in-text-block")
"""The rules that the ground decides, light or dark."""
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
"""Rules of WCAG 2.2, A and AA, by axe-core's names."""
VEGA_WARNS = "WARN "
"""How Vega's warnings begin, such as of an axis over rows that are not there."""
START_SECONDS = 90
PAGE_MILLISECONDS = 60_000


def chromium_path() -> str:
    """Chromium's path; skips the test, or fails it under ``CI=true``, where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    reason = "needs Chromium: no chromium, chromium-browser or google-chrome on PATH"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(script: str, home: Path, extra: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run one of the web applications.

    Args:
        script: Path of the application from the project's root.
        home: The data folder that it reads.
        extra: More environment variables.

    Yields:
        The address of its first page, without a slash at the end.
    """
    port = free_port()
    # Settings of whoever runs the tests must not reach the page.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FOLKEPULS_")}
    environment |= {"FOLKEPULS_HOME": str(home), **(extra or {})}
    command = [sys.executable, "-m", "streamlit", "run", script,
               "--server.address", "127.0.0.1", "--server.port", str(port),
               "--server.headless", "true"]  # fmt: skip
    log = home / f"server-{port}.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _await_server(server, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _await_server(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"Server ended with {server.returncode}: {log.read_text()[-800:]}")
        try:
            with urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                return
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    raise TimeoutError(f"Server on port {port}: no answer in {START_SECONDS} s.")


@dataclass
class Visit:
    """A page as a reader has it, with what the browser noted meanwhile."""

    page: Page
    address: str
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str, selector: str) -> Page:
        """Go to a path and wait until the selector is drawn and Streamlit is at rest."""
        self.page.goto(f"{self.address}{path}", wait_until="domcontentloaded")
        self.settle(selector)
        return self.page

    def settle(self, selector: str) -> None:
        """Wait until the selector is drawn and the script has run to its end."""
        self.page.wait_for_selector(selector, timeout=PAGE_MILLISECONDS)
        self.page.wait_for_selector(
            '[data-testid="stApp"][data-test-script-state="notRunning"]',
            timeout=PAGE_MILLISECONDS,
        )

    def barriers(self, asked: Sequence[str] = WCAG) -> list[str]:
        """Violations of axe-core's rules, folds opened: rule, and the elements that break it.

        The window is made as high as the page: axe-core judges no colours out of view.

        Args:
            asked: Rules or sets of rules; WCAG 2.2 A and AA by default.
        """
        self.page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        height = self.page.locator('[data-testid="stMain"]').evaluate("main => main.scrollHeight")
        width = self.page.viewport_size["width"] if self.page.viewport_size else 0
        self.page.set_viewport_size({"width": width, "height": int(height) + 50})
        self.page.evaluate(f"{AXE_SCRIPT};0")
        options = {"resultTypes": ["violations"], "runOnly": list(asked)}
        found = self.page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{rule['id']}: {[node['html'][:200] for node in rule['nodes'][:3]]}"
            for rule in found["violations"]
        ]

    def on_ground(self, ground: Literal["light", "dark"]) -> None:
        """Ask for light or dark ground as the reader's machine does, and wait until it is there."""
        self.page.emulate_media(color_scheme=ground)
        self.await_ground(ground)

    def await_ground(self, ground: str) -> None:
        """Wait until the page lies on light or dark ground."""
        # Playwright's own waiting for a condition is stopped by the page's policy.
        shown = "getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme"
        for _ in range(100):
            if self.page.evaluate(shown) == ground:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"The page's ground: expected {ground}, got another for five seconds.")

    def outside(self) -> set[str]:
        """Hosts that the browser asked besides our own."""
        own = urlsplit(self.address).netloc
        return {host for host in self.hosts if host not in ("", own)}


@contextmanager
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    path = chromium_path()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield running
        finally:
            running.close()


@contextmanager
def visit(running: Browser, address: str, width: int = 1366, height: int = 900) -> Iterator[Visit]:
    """A fresh reader of the application at an address."""
    session = running.new_context(viewport={"width": width, "height": height})
    page = session.new_page()
    note = Visit(page, address)
    page.on("request", lambda request: note.hosts.add(urlsplit(request.url).netloc))
    page.on("websocket", lambda socket: note.hosts.add(urlsplit(socket.url).netloc))
    page.on("pageerror", lambda error: note.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            note.complaints.append(message.text)
            if message.type == "error" or message.text.startswith(VEGA_WARNS)
            else None
        ),
    )
    try:
        yield note
    finally:
        session.close()
