"""What stops an export, each with a reason that a program can tell apart.

Belongs here: the errors. Does not belong here: deciding when. A message names the subject, what was
expected, what was got and the next step; never a token, a resource, or an address with its query.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_CODE = re.compile(r"[a-z][a-z-]{1,40}")


class ExportError(RuntimeError):
    """An export that did not become a delivery.

    Attributes:
        reason: A short code, listed in ``docs/how-to/fetch-from-a-fhir-server.md``.
        closes_job: The job at the server is of no more use: the next attempt orders anew.
    """

    def __init__(self, reason: str, message: str = "", *, closes_job: bool = False) -> None:
        super().__init__(f"{reason}: {message}" if message else reason)
        self.reason = reason
        self.closes_job = closes_job


class NotReadyError(ExportError):
    """The server is still at work; nothing is wrong.

    Attributes:
        wait_seconds: When it makes sense to ask again, from now.
        said: What the server says of its progress, made plain.
    """

    def __init__(self, subject: str, wait_seconds: float, said: str) -> None:
        super().__init__(
            "not_ready",
            f"{subject}: the server is still at work{f' ({said})' if said else ''}. The job is "
            f"kept: run the same again in {wait_seconds:.0f} s or later.",
        )
        self.wait_seconds = wait_seconds
        self.said = said


def place(url: str) -> str:
    """An address as it may be told: origin and path, shortened, no user, query or fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    told = f"{parts.scheme}://{host}{port}{parts.path}"
    plain = re.sub(r"[^A-Za-z0-9.:/$_%\[\]-]", "?", told)
    return plain if len(plain) <= 120 else f"{plain[:117]}..."


def plain_code(value: object) -> str:
    """A code from outside, if it has the form of one; it could hold anything."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else "other"
