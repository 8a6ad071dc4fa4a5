"""Answers of the server, as they are and as they should not be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Answer:
    """One answer.

    Attributes:
        status: Status code.
        body: Body, in pieces.
        headers: Headers; ``Content-Length`` is added unless ``length`` says otherwise.
        length: Length that is stated: the right one, another, or none at all.
        chunked: Send it in chunks.
        cut: Break the connection after so many bytes.
        between: Called before each piece but the first.
    """

    status: int = 200
    body: tuple[bytes, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = -1
    chunked: bool = False
    cut: int | None = None
    between: Callable[[], None] | None = None

    @property
    def bytes(self) -> bytes:
        return b"".join(self.body)


def say(status: int, content: Any = None, **headers: str) -> Answer:
    """An answer in JSON; header names with underscores for hyphens."""
    body = b"" if content is None else json.dumps(content).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {"Content-Type": "application/fhir+json"} if content is not None else {}
    return Answer(status, (body,), {**kind, **named})


def outcome(code: str = "processing", severity: str = "error") -> dict[str, Any]:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": "Kari Nordkanari"}],
    }


def html(status: int = 200) -> Answer:
    page = b"<!DOCTYPE html><html><body>Logg inn, Kari Nordkanari</body></html>\n"
    return Answer(status, (page,), {"Content-Type": "text/html"})


def lines(resources: list[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in resources)
