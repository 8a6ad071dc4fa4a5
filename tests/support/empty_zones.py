"""Empty zones, quickly: what every first ingest writes is made once and copied.

Belongs here: the copy. Does not belong here: anything in it.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from pipelines.ingest import ensure_schemas
from pipelines.ingest.ledger import ensure_delivery_schema
from pipelines.settings import Zones


def empty_zones(home: Path) -> Zones:
    """Zones as they are before the first delivery.

    Args:
        home: Where; must not be there yet.
    """
    shutil.copytree(_template(), home)
    return Zones(home)


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="zones-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    zones = Zones(folder / "home").create()
    ensure_schemas(zones)
    ensure_delivery_schema(zones)
    return zones.home
