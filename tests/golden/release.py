"""The golden release: what the demonstration's figures were when somebody last looked at them.

Belongs here: taking the fingerprint of a home and writing it down. Does not belong here: judging
it. A change of definitions, protection, texts or the synthetic region changes the fingerprint on
purpose; then look at what changed, and write it down anew from the project's folder::

    .venv/bin/python -m tests.golden.release
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

from tests.support.demo_run import DEMONSTRATION, SCALE, SEED, Home, parquet_hashes

GOLDEN = Path(__file__).with_name("release.json")


def fingerprint(home: Home) -> dict[str, object]:
    """Release id and SHA-256 of every canonically sorted table, with the tests' key.

    Published tables by name; of the restricted zone the ledger and the journal by delivery, the
    catalogue's tables, the strata and the exact counts; of the analysis zone the person-years.
    """
    zones = home.zones
    (candidate,) = zones.releases.iterdir()
    restricted = parquet_hashes(zones.journal)
    restricted["strata_map.parquet"] = parquet_hashes(zones.restricted)["strata_map.parquet"]
    return {
        "scale": SCALE,
        "seed": SEED,
        "release_id": candidate.name,
        "release": parquet_hashes(candidate),
        "restricted": restricted,
        "catalogue": parquet_hashes(zones.catalogue),
        "deliveries": {path.name: file_hash(path) for path in zones.deliveries.glob("*.json")},
        "analysis": parquet_hashes(zones.microdata),
    }


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_golden() -> None:
    """Run the demonstration, with nothing killed, and write its fingerprint down."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home.under(Path(folder) / "golden")
        ended = home.run(*DEMONSTRATION)
        if ended.code != 0:
            raise RuntimeError(f"The demonstration failed: {ended.stderr}")
        GOLDEN.write_text(json.dumps(fingerprint(home), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    write_golden()
