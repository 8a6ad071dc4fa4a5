"""What the lines of delivered FHIR files say, read with nothing of the writer's code.

Belongs here: reading lines, and picking values by a short path. Does not belong here: what must
hold of them.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

Resource = dict[str, Any]


def lines_of(file: Path) -> Iterator[bytes]:
    """Lines of a file, packed or not."""
    content = file.read_bytes()
    content = gzip.decompress(content) if file.suffix == ".gz" else content
    yield from content[:-1].split(b"\n")


def deliveries(
    folder: Path, only: Collection[str] = (), without: Collection[bytes] = ()
) -> dict[str, list[tuple[int, Resource]]]:
    """Resource type → (year of delivery, resource), in order of year.

    Args:
        folder: Folder of deliveries.
        only: Resource types to read; all by default.
        without: Lines that hold one of these are passed over.
    """
    found: dict[str, list[tuple[int, Resource]]] = defaultdict(list)
    for delivery in sorted(folder.iterdir(), key=lambda path: (path.name[-4:], path.name)):
        for file in sorted(delivery.glob("*.ndjson*")):
            entity = file.name.split("-")[0]
            if only and entity not in only:
                continue
            lines = (line for line in lines_of(file) if not any(part in line for part in without))
            found[entity].extend((int(delivery.name[-4:]), json.loads(line)) for line in lines)
    return found


def latest(versions: list[tuple[int, Resource]]) -> dict[str, Resource]:
    """The last version of each resource."""
    return {resource["id"]: resource for _, resource in versions}


def extension(resource: Resource, name: str) -> Any:
    """Value of an extension of ours; None where there is none."""
    for item in resource.get("extension", []):
        if item["url"] == f"https://folkepuls.no/fhir/{name}":
            return next(value for key, value in item.items() if key.startswith("value"))
    return None
