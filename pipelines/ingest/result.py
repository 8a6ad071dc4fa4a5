"""What an ingest tells its caller: counts, names and reasons.

Belongs here: the results and the progress callback's type. Does not belong here: making them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class FileResult:
    """What became of one file.

    Attributes:
        name: File name.
        entity: Its entity, as the manifest names it.
        state: ``loaded`` or ``refused``.
        delivered_rows: Lines by the manifest.
        loaded_rows: Lines that passed the door.
        quarantined: Lines by reason code.
        reason: Reason code of a refusal.
        detail: What was expected and what was got.
        unexpected_fields: Fields nobody has decided upon; not taken in.
        corrected: Rows by correction of known source errors.
        seconds: Time it took.
        text_bytes: Bytes after decompression.
    """

    name: str
    entity: str
    state: Literal["loaded", "refused"]
    delivered_rows: int
    loaded_rows: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    reason: str | None = None
    detail: str | None = None
    unexpected_fields: tuple[str, ...] = ()
    corrected: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    text_bytes: int = 0

    @property
    def quarantined_rows(self) -> int:
        """Lines in quarantine."""
        return sum(self.quarantined.values())


@dataclass(frozen=True)
class DeliveryResult:
    """What became of one delivery.

    Attributes:
        source: Source.
        delivery: Delivery.
        state: ``committed``, ``seen_before`` (the same bytes are in already; nothing was done) or
            ``refused`` (as a whole, unread).
        reason: Reason code of a refusal.
        detail: What was expected and what was got.
        files: Results by file.
        tables: Rows written by table.
        redacted_deliveries: Earlier deliveries gone through because a grading is new.
        unlisted_files: Files in its folder that the manifest does not vouch for; they are not read.
        seconds: Time it took.
    """

    source: str
    delivery: str
    state: Literal["committed", "seen_before", "refused"]
    reason: str | None = None
    detail: str | None = None
    files: tuple[FileResult, ...] = ()
    tables: Mapping[str, int] = field(default_factory=dict)
    redacted_deliveries: int = 0
    unlisted_files: int = 0
    seconds: float = 0.0


Progress = Callable[[str, FileResult], None]
"""Called with the delivery id and the result of each file as it is done."""
