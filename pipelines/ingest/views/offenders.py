"""Where a view met a line that does not fit, and why.

Belongs here: finding the first such line once a query has failed, in words that quote nothing of
it. Does not belong here: deciding that a line does not fit; the query did.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipelines.ingest.lines import flaw
from pipelines.ingest.views.definition import CompiledView, resource_shape
from pipelines.ingest.views.values import Shape


def first_offender(view: CompiledView, files: Sequence[Path], longest: int) -> str:
    """The message for the first line that a view cannot read.

    Args:
        view: The view that failed.
        files: The files it failed on.
        longest: Bytes of the longest line that is read.
    """
    shape = resource_shape([view])
    for file in files:
        for number, line in enumerate(_lines(file), start=1):
            found = _flaw(line, view.resource, shape, longest)
            if found:
                reason, element = found
                about = f"{view.resource}.{element}: " if element else ""
                return f"{file}, line {number}: {about}{reason}. Mend the line and run again."
    return (
        f"View {view.name}: some value in {', '.join(map(str, files))} is of another kind than "
        "FHIR R4 says (a number, true or false, a date). Validate the files and run again."
    )


def _flaw(line: bytes, resource: str, shape: Shape, longest: int) -> tuple[str, str] | None:
    if not line.strip():
        return None
    if len(line) > longest:
        return "line_too_long", ""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return flaw(line, shape) or ("broken_json", "")
    if isinstance(document, dict):
        kind = document.get("resourceType")
        if kind is None:
            return "no_resource_type", ""
        if kind != resource:
            return None
    return flaw(line, shape)


def _lines(file: Path) -> Iterator[bytes]:
    if file.suffix == ".zst":
        return
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            yield from (line.rstrip(b"\r\n") for line in stream)
    except (OSError, EOFError):
        # Cut off or no gzip at all: what cannot be unpacked has no lines to name.
        return
