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
            if not line.strip() or not _may_be_of(line, view.resource):
                continue
            found = ("line_too_long", "") if len(line) > longest else flaw(line, shape)
            if found:
                reason, element = found
                about = f"{view.resource}.{element}: " if element else ""
                return f"{file}, line {number}: {about}{reason}. Mend the line and run again."
    return (
        f"View {view.name}: some value in {', '.join(map(str, files))} is of another kind than "
        "FHIR R4 says (a number, true or false, a date). Validate the files and run again."
    )


def _may_be_of(line: bytes, resource: str) -> bool:
    """Whether a line is of the resource type, or so damaged that it does not tell."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return True
    return not isinstance(document, dict) or document.get("resourceType") == resource


def _lines(file: Path) -> Iterator[bytes]:
    if file.suffix == ".zst":
        return
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            yield from (line.rstrip(b"\r\n") for line in stream)
    except (OSError, EOFError):
        # Cut off or no gzip at all: what cannot be unpacked has no lines to name.
        return
