"""The server's manifest of an export, read without trusting a word of it.

Belongs here: the forms a manifest has had (STU1 to STU4), pages, and what makes it unusable. Does
not belong here: fetching it (``polling``), the files it names (``downloads``). Nothing in it ever
becomes a name of a file here.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urljoin

from pipelines.clients.bulk.errors import ExportError

Use = Literal["output", "deleted", "outcome"]
_TYPE = re.compile(r"[A-Z][A-Za-z]{2,62}")
_MOST_ROWS = 10**12


@dataclass(frozen=True)
class RemoteFile:
    """One file that a manifest names.

    Attributes:
        use: Which list it stands in; ``error`` and ``outcome`` are the same.
        type: Type of resources it is said to hold; a mere claim.
        url: Where it is.
        count: Lines it is said to have; null where nothing is said.
    """

    use: Use
    type: str
    url: str = field(repr=False)
    count: int | None

    @property
    def holds(self) -> str:
        """Type that its resources must have. Deletions come as Bundles, whatever they delete."""
        return {"deleted": "Bundle", "outcome": "OperationOutcome"}.get(self.use, self.type)


@dataclass(frozen=True)
class Page:
    """One page of a manifest.

    Attributes:
        transaction_time: State of the server that the export shows.
        requires_token: Whether files are had with the token.
        files: Files in their order.
        next_url: Where the next page is.
    """

    transaction_time: dt.datetime
    requires_token: bool
    files: tuple[RemoteFile, ...]
    next_url: str | None


def parse_page(content: object, came_from: str) -> Page:
    """Read one page.

    Args:
        content: The answer as JSON; null where it was none.
        came_from: Its address, to which others are relative.

    Raises:
        ExportError: ``manifest_invalid``; names the field.
    """
    if not isinstance(content, dict):
        raise _invalid("a JSON object", "something else")
    if content.get("resourceType") == "OperationOutcome":
        raise _invalid("a manifest", "an OperationOutcome")
    if content.get("outputOrganizedBy") not in (None, ""):
        raise _invalid("files by resource type", "files organised by something else")
    if not isinstance(content.get("output"), list):
        raise _invalid("a list output", "none")
    files = [
        _file(entry, use, key, position, came_from)
        for key, use in _LISTS
        for position, entry in enumerate(_list(content, key))
    ]
    requires = content.get("requiresAccessToken", True)
    if not isinstance(requires, bool):
        raise _invalid("requiresAccessToken true or false", "something else")
    return Page(_instant(content), requires, tuple(files), _next(content, came_from))


def is_manifest(content: object) -> bool:
    """Whether an answer to a question for progress has a page of the manifest in it."""
    return isinstance(content, dict) and "output" in content and "transactionTime" in content


def joined(pages: list[Page]) -> Page:
    """All pages as one manifest.

    Raises:
        ExportError: ``manifest_invalid``: pages contradict each other, or a file is there twice.
    """
    first = pages[0]
    for page in pages[1:]:
        if page.transaction_time != first.transaction_time:
            raise _invalid("one transactionTime on all pages", "several")
        if page.requires_token != first.requires_token:
            raise _invalid("one requiresAccessToken on all pages", "several")
    files = [file for page in pages for file in page.files]
    if len({file.url for file in files}) != len(files):
        raise _invalid("every file once", "an address that is there twice")
    return Page(first.transaction_time, first.requires_token, tuple(files), None)


_LISTS: tuple[tuple[str, Use], ...] = (
    ("output", "output"),
    ("deleted", "deleted"),
    ("error", "outcome"),
    ("outcome", "outcome"),
)


def _list(content: dict[str, Any], key: str) -> list[Any]:
    found = content.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise _invalid(f"a list {key}", "something else")
    return found


def _file(entry: object, use: Use, key: str, position: int, came_from: str) -> RemoteFile:
    where = f"{key}[{position}]"
    if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
        raise _invalid(f"{where}.url", "none")
    kind = entry.get("type", {"deleted": "Bundle", "outcome": "OperationOutcome"}.get(use))
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise _invalid(f"{where}.type to be a resource type", "something else")
    return RemoteFile(use, kind, _absolute(came_from, entry["url"]), _count(entry, where))


def _count(entry: dict[str, Any], where: str) -> int | None:
    count = entry.get("count")
    if count is None:
        return None
    if isinstance(count, str) and count.isascii() and count.isdigit() and len(count) <= 12:
        count = int(count)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= _MOST_ROWS:
        raise _invalid(f"{where}.count to be a number of lines", "something else")
    return count


def _instant(content: dict[str, Any]) -> dt.datetime:
    value = content.get("transactionTime")
    try:
        found = dt.datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise _invalid("transactionTime with date, time and zone", "none")
    try:
        return found.astimezone(dt.UTC)
    except OverflowError:
        raise _invalid("a transactionTime in our era", "another") from None


def _next(content: dict[str, Any], came_from: str) -> str | None:
    for link in _list(content, "link"):
        if isinstance(link, dict) and link.get("relation") == "next":
            if not isinstance(link.get("url"), str):
                raise _invalid("link.url", "none")
            return _absolute(came_from, link["url"])
    return None


def _absolute(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:
        raise _invalid("addresses that can be read", "another") from None


def _invalid(expected: str, got: str) -> ExportError:
    return ExportError(
        "manifest_invalid",
        f"the server's manifest: expected {expected}, got {got}. Nothing is delivered. Ask the "
        "server's operator.",
        closes_job=True,
    )
