"""Pictures of the planner's pages for the documentation, taken from a data folder.

Run ``FOLKEPULS_HOME=data .venv/bin/python -m tests.support.pictures`` after ``make demo SERVE=0``;
it writes ``docs/images/*.png``. A release whose figures are not synthetic is refused.

Belongs here: which pages are pictured, and how large. Does not belong here: expectations.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from dashboards.data_access import current_release
from tests.support.browser import ROOT, Visit, browser, serve, visit

FOLDER = ROOT / "docs" / "images"
WIDTH = 1366


@dataclass(frozen=True)
class Picture:
    """One page: its file, its address and how much of its height is shown."""

    name: str
    path: str
    height: int


PICTURES = (
    Picture("overview", "/?lang=nb&indicator=emergency_admissions_per_1000", 1192),
    Picture("municipality", "/kommune?lang=nb&area=5001", 1180),
    Picture(
        "indicator",
        "/indikator?lang=nb&indicator=emergency_admissions_per_1000&area=5001&tab=compare",
        1240,
    ),
)


def take(reader: Visit, picture: Picture, folder: Path) -> Path:
    """Open a page, wait until it is drawn, and write its picture."""
    reader.page.set_viewport_size({"width": WIDTH, "height": picture.height})
    page = reader.open(picture.path, ".fp-footer")
    if page.locator('[data-testid="stVegaLiteChart"]').count():
        page.wait_for_selector('[data-testid="stVegaLiteChart"] svg')
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(800)  # the last change of height fades in
    target = folder / f"{picture.name}.png"
    page.screenshot(path=target)
    return target


def main() -> None:
    """Take all pictures.

    Raises:
        SystemExit: ``FOLKEPULS_HOME`` is not set, or its release is not synthetic.
    """
    if "FOLKEPULS_HOME" not in os.environ:
        sys.exit("Pictures: set FOLKEPULS_HOME to the data folder of a demonstration.")
    home = Path(os.environ["FOLKEPULS_HOME"]).resolve()
    if not current_release().synthetic:
        sys.exit(f"Pictures: the release under {home} is not synthetic; none were taken.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        browser() as running,
        serve("dashboards/app.py", home) as address,
        visit(running, address, WIDTH) as reader,
    ):
        for picture in PICTURES:
            target = take(reader, picture, FOLDER)
            print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
