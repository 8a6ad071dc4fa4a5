"""Lines that must not come in, each bad in one way, and a file of good ones that holds one of them.

Belongs here: the lines, with the reason and the column that must be told of each. Does not belong
here: files whose bytes are damaged, and what must come of either.
"""

from __future__ import annotations

from typing import Any

from tests.support.deliveries import encounter, line

FILE = "Encounter-1.ndjson.gz"
"""Name of the file that they come in."""


def spoiled(**changes: Any) -> bytes:
    """A stay with other content in some fields."""
    return line(encounter(9_999, **changes))


def without(field: str) -> bytes:
    """A stay that lacks a field."""
    resource = encounter(9_999)
    del resource[field]
    return line(resource)


BAD_LINES: dict[str, tuple[bytes, str, str]] = {
    "broken": (line(encounter(1))[:-7], "broken_json", ""),
    "text after": (line(encounter(1)) + b" x", "broken_json", ""),
    "nul": (spoiled().replace(b"STO", b"S\0O"), "nul_byte", ""),
    "latin1": (spoiled().replace(b"fall hjemme", b"fall p\xe5 badet"), "not_utf8", ""),
    "duplicate key": (b'{"status":"finished",' + spoiled()[1:], "duplicate_key", "status"),
    "duplicate key inside": (
        spoiled().replace(b'"class":{"code"', b'"class":{"code":"AMB","code"'),
        "duplicate_key",
        "class.code",
    ),
    "20 MB field": (spoiled(text={"div": "x" * 20_000_000}), "line_too_long", ""),
    "not an object": (b"[1]", "wrong_kind", ""),
    "text for an object": (spoiled(period="2024"), "wrong_kind", "period"),
    "object for a list": (
        spoiled(serviceType={"coding": {"code": "somatic"}}),
        "wrong_kind",
        "serviceType.coding",
    ),
    "text inside a list": (spoiled(extension=["x"]), "wrong_kind", "extension"),
    "two values": (spoiled(extension=encounter(1)["extension"] * 2), "not_one_value", ""),
    "another resource": (spoiled(resourceType="Patient"), "wrong_resource_type", ""),
    "null": (b"null", "wrong_resource_type", ""),
    "no subject": (without("subject"), "missing_required", "patient_key"),
    "no id": (without("id"), "missing_required", "encounter_key"),
    "unknown code": (spoiled(status="finito"), "code_not_allowed", "status"),
    "free text as code": (
        spoiled(serviceProvider={"identifier": {"value": "Kari Nordkanari"}}),
        "code_not_allowed",
        "hospital_code",
    ),
    "unknown system": (
        spoiled(
            extension=[
                {
                    "url": "https://folkepuls.no/fhir/municipality-of-stay",
                    "valueCoding": {"system": "http://x", "code": "5001"},
                }
            ]
        ),
        "unknown_code_system",
        "municipality_of_stay",
    ),
    "no such day": (
        spoiled(period={"start": "2023-02-29", "end": "2023-03-01"}),
        "invalid_date",
        "started_on",
    ),
    "no time zone": (
        spoiled(period={"start": "2023-02-27T10:00:00", "end": "2023-03-01"}),
        "invalid_date",
        "started_on",
    ),
    "not a date": (spoiled(period={"start": "i fjor"}), "invalid_date", "started_on"),
    "hostile id": (spoiled(id="x' or 1=1"), "invalid_identifier", "encounter_key"),
}
"""What is wrong with a line → the line, the reason, and the column or field."""


def with_bad(bad: bytes, good: int = 10_000) -> list[Any]:
    """Good stays, with a bad line somewhere among them."""
    lines: list[Any] = [encounter(n, n % 100) for n in range(good)]
    lines.insert(4_321 % (good + 1), bad)
    return lines
