"""Where a release stands: what stewards were told of it, and whether it may be published at all.

Belongs here: reading and updating ``steward/releases/<release>.json``, and the guard that every
way to publication passes. Does not belong here: making that file (``steward_report``).
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pipelines.settings import Zones, atomic_write

State = Literal["candidate", "approved", "rejected", "published"]


class ReleaseError(RuntimeError):
    """A release cannot be built, signed or published; the message names the next step."""


def release_summary(zones: Zones, release_id: str) -> dict[str, Any]:
    """What stewards know of a candidate.

    Args:
        zones: The zones.
        release_id: The candidate.

    Raises:
        ReleaseError: There is no such candidate.
    """
    path = zones.steward / "releases" / f"{release_id}.json"
    if not path.is_file():
        raise ReleaseError(f"No report on {release_id}. Run `folkepuls run` first.")
    summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return summary


def set_state(zones: Zones, release_id: str, state: State) -> None:
    """Note where a release stands, for the stewards' page.

    Args:
        zones: The zones.
        release_id: The release.
        state: Where it stands now.

    Raises:
        ReleaseError: There is no such release.
    """
    summary = release_summary(zones, release_id) | {"state": state}
    with atomic_write(zones.steward / "releases" / f"{release_id}.json") as path:
        path.write_text(json.dumps(summary, indent=2, sort_keys=True, ensure_ascii=False))


def refuse_red(zones: Zones, release_id: str) -> None:
    """Refuse a release whose audit or checks are red, whoever has signed it.

    Args:
        zones: The zones.
        release_id: The release.

    Raises:
        ReleaseError: The audit or a blocking check is red, or there is no report of them.
    """
    summary = release_summary(zones, release_id)
    if summary["audit"]["ok"] is not True or summary["blocking_checks"]:
        raise ReleaseError(
            f"Release {release_id} may not be published: the audit or a check is red. Look at it "
            "with `folkepuls release show`."
        )
